import { access, constants } from "node:fs/promises";
import { expect, test } from "vitest";
import { localImages } from "./images.ts";

test("every image is made of files that are there, and its entrypoint is on its PATH", async () => {
  const images = await localImages();
  expect([...images.keys()]).toEqual([
    "orchestrator/agent:dev",
    "orchestrator/docs-generation-operator:dev",
    "orchestrator/task-implementation-operator:dev",
  ]);
  for (const { mounts, env, entrypoint } of images.values()) {
    for (const { hostPath } of mounts) await access(hostPath, constants.R_OK);
    const folders = (env["PATH"] ?? "").split(":");
    expect(mounts.map(({ path }) => path)).toContainEqual(
      expect.toSatisfy((path: string) => folders.some((folder) => path === `${folder}/${entrypoint[0]}`)),
    );
  }
});
