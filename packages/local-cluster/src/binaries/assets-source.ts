import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./run-program.ts";
import type { Source } from "./source.ts";
import { type Program, type Release, versionOf } from "./versions.ts";

/** The folder that KUBEBUILDER_ASSETS names, of which only programs of the release are taken. */
export function assetsSource(env: Record<string, string | undefined>, release: Release): Source {
  const directory = env["KUBEBUILDER_ASSETS"];
  return {
    name: "KUBEBUILDER_ASSETS",
    async get(program, signal) {
      if (directory === undefined || directory === "") return { type: "unavailable", why: "is not set" };
      const path = join(directory, program);
      if (!(await isExecutable(path))) return { type: "unavailable", why: `has no ${program}` };
      const version = await foundVersion(program, path, { signal, env });
      if (version === versionOf(program, release)) return { type: "found", path };
      return { type: "unavailable", why: `${path} is ${version ?? "of an unknown version"}` };
    },
  };
}

/** Whether `path` is a program that this user may run. */
export function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function foundVersion(
  program: Program,
  path: string,
  options: { signal: AbortSignal; env: Record<string, string | undefined> },
): Promise<string | undefined> {
  const { stdout } = await runProgram(path, program === "kubectl" ? ["version", "--client"] : ["--version"], options);
  const version = /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  return version === undefined ? undefined : `v${version}`;
}
