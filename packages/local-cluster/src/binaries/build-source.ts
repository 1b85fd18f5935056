import { mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./run-program.ts";
import type { Log, Source } from "./source.ts";
import type { Program, Release } from "./versions.ts";

const MODULES = fileURLToPath(new URL("../../control-plane/", import.meta.url));
const OLDEST_GO = { major: 1, minor: 26 };

const packages: Record<Program, string> = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
};

export interface BuildOptions {
  release: Release;
  /** Where programs are put. */
  cache: string;
  env: Record<string, string | undefined>;
  log: Log;
  /** Between two lines that say that the build goes on, in milliseconds. Default 30,000. */
  progressMs?: number;
}

/** Builds the programs with Go, from modules pinned by `control-plane/<kubernetes>/go.mod`. */
export function buildSource(options: BuildOptions): Source {
  let toolchain: Promise<string | undefined> | undefined;
  return {
    name: "a build with Go",
    async get(program, signal) {
      toolchain ??= prepareToBuild(options, signal);
      const why = (await toolchain) ?? (await build(program, options, signal));
      return why === undefined ? { type: "found", path: join(options.cache, program) } : { type: "unavailable", why };
    },
  };
}

async function prepareToBuild(options: BuildOptions, signal: AbortSignal): Promise<string | undefined> {
  const { cache, log } = options;
  const why = await whyGoCannotBuild(options, signal);
  if (why === undefined)
    log(`building with Go, once: about six minutes on two processors that are otherwise idle; kept in ${cache}`);
  return why;
}

/** Asked in the module's folder, where Go fetches a newer toolchain by itself if its settings let it. */
async function whyGoCannotBuild({ env, release }: BuildOptions, signal: AbortSignal): Promise<string | undefined> {
  const needed = `Go >= ${OLDEST_GO.major}.${OLDEST_GO.minor} is needed`;
  const { code, stdout, stderr } = await runProgram("go", ["version"], { cwd: moduleOf(release), env, signal });
  if (code === "ENOENT") return `there is no go on the PATH; ${needed}`;
  if (code !== 0) return `${needed}: ${stderr.trim()}`;
  const found = /\bgo(?<major>\d+)\.(?<minor>\d+)\S*/.exec(stdout);
  const [major, minor] = [Number(found?.groups?.["major"]), Number(found?.groups?.["minor"])];
  const recent = major > OLDEST_GO.major || (major === OLDEST_GO.major && minor >= OLDEST_GO.minor);
  return recent ? undefined : `the installed Go is too old (${found?.[0] ?? stdout.trim()}); ${needed}`;
}

async function build(program: Program, options: BuildOptions, signal: AbortSignal): Promise<string | undefined> {
  const { cache, env, log, release, progressMs = 30_000 } = options;
  const folder = await mkdtemp(join(cache, `.${program}-`));
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 1000);
  log(`building ${program}`);
  const progress = setInterval(() => log(`building ${program}: ${seconds()} s so far`), progressMs);
  try {
    const built = join(folder, program);
    const args = ["build", "-trimpath", `-ldflags=${linkerFlags(release)}`, "-o", built, packages[program]];
    // Go that is stopped leaves its work behind, so that lies where it is removed.
    const goEnv = { ...env, CGO_ENABLED: "0", GOTMPDIR: folder };
    const result = await runProgram("go", args, { cwd: moduleOf(release), env: goEnv, signal });
    if (result.code !== 0)
      return `go build of ${program} failed: ${result.stderr.trim().split("\n").slice(-5).join("\n")}`;
    await rename(built, join(cache, program));
    log(`built ${program} in ${seconds()} s`);
    return undefined;
  } finally {
    clearInterval(progress);
    // A compiler that outlives Go for a moment may still write there.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

// Without them the API server calls itself v0.0.0.
function linkerFlags({ kubernetes }: Release): string {
  const [major, minor] = kubernetes.slice(1).split(".");
  const version = "k8s.io/component-base/version";
  return `-s -w -X ${version}.gitVersion=${kubernetes} -X ${version}.gitMajor=${major} -X ${version}.gitMinor=${minor}`;
}

function moduleOf({ kubernetes }: Release): string {
  return join(MODULES, kubernetes);
}
