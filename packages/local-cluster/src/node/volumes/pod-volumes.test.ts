import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { beforeEach, describe, expect, test } from "vitest";
import type { Pod } from "../pod.ts";
import { ClusterSources } from "./cluster-sources.ts";
import { PodVolumes } from "./pod-volumes.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pod-volumes-"));
  await mkdir(join(folder, "volume", "inner"), { recursive: true });
  await mkdir(join(folder, "outside"));
  await writeFile(join(folder, "volume", "file"), "");
  return () => rm(folder, { recursive: true });
});

const signal = new AbortController().signal;

function podWith(volumes: Pod["spec"]["volumes"]): Pod {
  const spec = { containers: [{ name: "main" }], ...(volumes && { volumes }) };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "pod", namespace: "team" }, spec };
}

/** Volumes for which the API server answers with `configMap`. */
function volumesOf(configMap: () => Promise<object> = () => Promise.reject(new Error("not asked"))): PodVolumes {
  const client = { get: configMap } as unknown as KubernetesClient;
  return new PodVolumes({ directory: join(folder, "volumes"), sources: new ClusterSources(client), allocatable: {} });
}

describe("a subPath", () => {
  async function shown(subPath: string): Promise<string | undefined> {
    const volumes = volumesOf();
    const pod = podWith([{ name: "data", hostPath: { path: join(folder, "volume") } }]);
    await volumes.prepare(pod, { now: 0, signal });
    const volumeMounts = [{ name: "data", mountPath: "/data", subPath }];
    return (await volumes.bindsOf({ name: "main", volumeMounts }))[0]?.source;
  }

  test("shows a part of the volume, which is made when it is missing", async () => {
    expect(await shown("file")).toBe(join(folder, "volume/file"));
    expect(await shown("inner/new/er")).toBe(join(folder, "volume/inner/new/er"));
    expect((await stat(join(folder, "volume/inner/new/er"))).isDirectory()).toBe(true);
  });

  test("may be a link within the volume", async () => {
    await symlink("inner", join(folder, "volume/link"));
    expect(await shown("link")).toBe(join(folder, "volume/inner"));
  });

  test.each([
    { what: "a path", link: undefined, subPath: "../outside" },
    { what: "a link", link: "../outside", subPath: "link" },
    { what: "a link on the way", link: "../outside", subPath: "link/new" },
  ])("that leaves the volume by $what blocks the container", async ({ link, subPath }) => {
    if (link !== undefined) await symlink(link, join(folder, "volume/link"));
    await expect(shown(subPath)).rejects.toMatchObject({
      reason: "CreateContainerConfigError",
      message: `failed to prepare subPath for volumeMount "data" of container "main": subPath ${subPath} leaves the volume`,
    });
    expect(await readdir(join(folder, "outside"))).toEqual([]);
  });

  test.each([
    { what: "lies in a file", link: undefined, subPath: "file/new" },
    { what: "is a link to nothing", link: "../outside/none", subPath: "link" },
    { what: "lies behind a link to nothing", link: "../outside/none", subPath: "link/new" },
  ])("that cannot be made, for it $what, blocks the container", async ({ link, subPath }) => {
    if (link !== undefined) await symlink(link, join(folder, "volume/link"));
    await expect(shown(subPath)).rejects.toMatchObject({ reason: "CreateContainerConfigError" });
    expect(await readdir(join(folder, "outside"))).toEqual([]);
  });
});

test("volumes that are being brought up to date are removed when that is done", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<object>();
  const volumes = volumesOf(() => {
    asked.resolve();
    return answer.promise;
  });
  const preparing = volumes.prepare(podWith([{ name: "settings", configMap: { name: "settings" } }]), {
    now: 0,
    signal,
  });
  await asked.promise;
  const removed = volumes.remove();
  answer.resolve({ metadata: { name: "settings" }, data: { a: "1" } });
  await Promise.all([preparing, removed]);
  expect(await readdir(folder)).not.toContain("volumes");
});
