import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Ending } from "./ending.ts";
import { Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";
import { document, implement } from "./work.ts";

const git = promisify(execFile);

/** A run whose documents an earlier run has delivered, and somebody has merged. */
async function documentAgain(stage: Stage, name: string) {
  const run = await document([{ id: 1 }])(stage, name);
  const first = { ...run, metadata: { ...run.metadata, name: `${name}-first` } };
  const scene = await Scene.begin(stage, first);
  const { status } = await scene.until("is delivered", ({ phase }) => phase === "Succeeded");
  const merge = ["update-ref", "refs/heads/main", status?.result?.branch ?? ""];
  await git("git", ["-C", stage.forge.repositoryPath(name), ...merge]);
  return run;
}

export const success: readonly Ending[] = [
  {
    name: "implemented",
    cause: "The agent implements the task.",
    reason: "Delivered",
    tells: [/^Delivered as https:.*\/pull\/1\.$/],
    run: implement(),
  },
  {
    name: "documented-before",
    cause: "The documents of every task are there, and no task has changed since they were written.",
    reason: "UpToDate",
    tells: ["nothing had to be delivered"],
    run: documentAgain,
  },
];
