import { chmod, mkdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PersistentVolume, Volume, VolumeMount } from "@orchestrator/controller-runtime";
import { ContainerBlocked } from "../environment.ts";
import type { Container, Pod } from "../pod.ts";
import { removeFolder } from "../remove-folder.ts";
import { isWithin } from "../sandbox/mount-table.ts";
import type { Bind } from "../sandbox/system-folders.ts";
import { writeAtomically } from "./atomic-folder.ts";
import type { ClusterSources } from "./cluster-sources.ts";
import { type ContentContext, type IssuedToken, volumeContent } from "./volume-content.ts";
import { VolumeFailed } from "./volume-failed.ts";
import { staysWithin } from "./volume-files.ts";

/**
 * The volumes of one pod: folders of this machine that are shown in its containers. What is asked of them is done one
 * after the other, so that nothing is written into a folder that is being removed.
 */
export class PodVolumes {
  readonly #directory: string;
  readonly #sources: ClusterSources;
  readonly #allocatable: Readonly<Record<string, string>>;
  readonly #tokens = new Map<string, IssuedToken>();
  readonly #places = new Map<string, { path: string; readOnly: boolean }>();
  #before: Promise<void> = Promise.resolve();

  constructor(options: {
    /** For these volumes alone. */
    directory: string;
    sources: ClusterSources;
    allocatable: Readonly<Record<string, string>>;
  }) {
    this.#directory = options.directory;
    this.#sources = options.sources;
    this.#allocatable = options.allocatable;
  }

  /**
   * Makes all volumes, or brings those that are made of objects up to date.
   * @throws VolumeFailed naming the first that cannot be made
   */
  prepare(pod: Pod, { now, signal }: { now: number; signal: AbortSignal }): Promise<void> {
    const sources = this.#sources;
    const context = { pod, sources, allocatable: this.#allocatable, tokens: this.#tokens, now, signal };
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      for (const volume of pod.spec.volumes ?? []) this.#places.set(volume.name, await this.#prepare(volume, context));
    });
  }

  /**
   * Where the volumes of a container are, and where it sees them; the upper ones first.
   * @throws ContainerBlocked when a subPath cannot be shown
   */
  async bindsOf(container: Container): Promise<Bind[]> {
    const mounts = (container.volumeMounts ?? []).toSorted((a, b) => depth(a) - depth(b));
    const binds: Bind[] = [];
    for (const mount of mounts) {
      const place = this.#places.get(mount.name);
      if (place === undefined) throw new VolumeFailed(mount.name, "the pod has no such volume");
      const source = mount.subPath ? await subPathOf(container, place.path, mount) : place.path;
      const target = mount.mountPath.replace(/\/+$/, "");
      binds.push({ source, target, readOnly: mount.readOnly === true || place.readOnly });
    }
    return binds;
  }

  /** Removes what the pod alone had. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      this.#places.clear();
      this.#tokens.clear();
      await removeFolder(this.#directory);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#before.then(work);
    // Whoever asked for it is told of a failure; what comes after it goes on.
    this.#before = done.catch(() => undefined);
    return done;
  }

  async #prepare(volume: Volume, context: ContentContext): Promise<{ path: string; readOnly: boolean }> {
    const path = join(this.#directory, volume.name);
    const files = await volumeContent(volume, context);
    if (files !== undefined) {
      await writeAtomically(path, files);
      return { path, readOnly: true };
    }
    if (volume.emptyDir) {
      await mkdir(path, { recursive: true });
      await chmod(path, 0o777);
      return { path, readOnly: false };
    }
    if (volume.hostPath) return { path: await hostFolder(volume.name, volume.hostPath), readOnly: false };
    if (volume.persistentVolumeClaim) return this.#claim(volume.name, volume.persistentVolumeClaim, context);
    throw new VolumeFailed(volume.name, "this node does not offer this kind of volume");
  }

  async #claim(
    volume: string,
    { claimName, readOnly = false }: { claimName: string; readOnly?: boolean },
    { pod, signal }: ContentContext,
  ): Promise<{ path: string; readOnly: boolean }> {
    const key = { namespace: pod.metadata.namespace ?? "", name: claimName };
    const found = await this.#sources.claimedVolume(key, signal);
    if (found === undefined) throw new VolumeFailed(volume, `claim "${claimName}" is not bound to a volume`);
    const place = placeOf(found);
    if (place === undefined) throw new VolumeFailed(volume, `volume "${found.metadata.name}" is not on this machine`);
    return { path: await hostFolder(volume, place), readOnly };
  }
}

function placeOf({ spec }: PersistentVolume): { path: string; type?: string } | undefined {
  return spec.hostPath ?? spec.local;
}

async function hostFolder(volume: string, { path, type }: { path: string; type?: string }): Promise<string> {
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true });
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) throw new VolumeFailed(volume, `${path} does not exist on this machine`);
  return path;
}

async function subPathOf(container: Container, folder: string, { name, subPath = "" }: VolumeMount): Promise<string> {
  const found = await pathWithin(folder, subPath).catch((error: Error) => ({ problem: `: ${error.message}` }));
  if ("path" in found) return found.path;
  throw new ContainerBlocked(
    "CreateContainerConfigError",
    `failed to prepare subPath for volumeMount "${name}" of container "${container.name}": subPath ${subPath}${found.problem}`,
  );
}

/** Links are followed, for a pod may have made them, but not out of the folder. What is missing is made. */
async function pathWithin(folder: string, relative: string): Promise<{ path: string } | { problem: string }> {
  const volume = await realpath(folder);
  const path = join(volume, relative);
  const existing = await realOrMissing(path);
  const nearest = existing ?? (await nearestOf(path));
  if (!staysWithin(relative) || !isWithin(nearest, volume)) return { problem: " leaves the volume" };
  if (existing === undefined) await mkdir(path, { recursive: true });
  // A file stays the one that it was at the start of the container, as with a kubelet.
  return { path: existing ?? path };
}

async function nearestOf(path: string): Promise<string> {
  const parent = dirname(path);
  return (await realOrMissing(parent)) ?? (await nearestOf(parent));
}

async function realOrMissing(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function depth({ mountPath }: VolumeMount): number {
  return mountPath.split("/").filter(Boolean).length;
}
