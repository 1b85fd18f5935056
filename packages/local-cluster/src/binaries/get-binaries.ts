import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../process/lock.ts";
import { assetsSource } from "./assets-source.ts";
import { buildSource } from "./build-source.ts";
import { cacheDirectory, cacheSource } from "./cache.ts";
import { ControlPlaneUnavailable, type MissingProgram } from "./control-plane-unavailable.ts";
import { downloadSource } from "./download-source.ts";
import type { Log, Source } from "./source.ts";
import { type Binaries, chosenRelease, programs, type Release, versionOf } from "./versions.ts";

export interface GetBinariesOptions {
  /** Environment of this process: KUBERNETES_VERSION, KUBEBUILDER_ASSETS, XDG_CACHE_HOME, HOME, PATH, proxies and what Go reads. */
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  log: Log;
  /** Hosts to download from. Default: the projects' own. */
  releases?: { kubernetes?: string | undefined; etcd?: string | undefined };
}

/**
 * The programs of the control plane, each from the first source that has the version of the chosen release: KUBEBUILDER_ASSETS, the
 * cache, the official release, a build with Go. The last two fill the cache.
 * @throws ControlPlaneUnavailable when no source has a program; it says why for each.
 * @throws RangeError when KUBERNETES_VERSION names no release that there is.
 */
export async function getBinaries(options: GetBinariesOptions): Promise<Binaries> {
  const { env, signal, log, releases = {} } = options;
  const release = chosenRelease(env);
  const cache = cacheDirectory(env, release);
  const atHand = [assetsSource(env, release), cacheSource(cache)];
  const found = await collect(atHand, release, signal);
  if (found.type === "complete") return found.binaries;
  const onWait = (): void => log(`waiting for another process that fills ${cache}`);
  return withLock(cache, { signal, onWait, env }, async () => {
    await removeUnfinished(cache);
    const { kubernetes: kubernetesReleases, etcd: etcdReleases } = releases;
    const download = downloadSource({ release, cache, env, log, kubernetesReleases, etcdReleases });
    const fetched = await collect([...atHand, download, buildSource({ release, cache, env, log })], release, signal);
    if (fetched.type === "missing") throw new ControlPlaneUnavailable(fetched.missing);
    return fetched.binaries;
  });
}

/** What a download or a build left that was killed. */
async function removeUnfinished(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(".")) await rm(join(cache, name), { recursive: true });
  }
}

type Collected = { type: "complete"; binaries: Binaries } | { type: "missing"; missing: MissingProgram };

/** Asks source after source for each program, up to the first program that none has. */
async function collect(sources: Source[], release: Release, signal: AbortSignal): Promise<Collected> {
  const binaries: Partial<Binaries> = {};
  for (const program of programs) {
    const reasons: MissingProgram["reasons"] = [];
    for (const source of sources) {
      const answer = await source.get(program, signal);
      if (answer.type === "found") {
        binaries[program] = answer.path;
        break;
      }
      reasons.push({ source: source.name, why: answer.why });
    }
    if (binaries[program] === undefined) {
      return { type: "missing", missing: { program, version: versionOf(program, release), reasons } };
    }
  }
  return { type: "complete", binaries: binaries as Binaries };
}
