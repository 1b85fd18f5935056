import { isAbsolute, normalize } from "node:path";
import type { KeyToPath } from "@orchestrator/controller-runtime";

/** A file of a volume that the node fills. */
export interface VolumeFile {
  content: Buffer;
  /** Permission bits. */
  mode: number;
}

/** By path within the volume. */
export type VolumeFiles = Map<string, VolumeFile>;

export interface KeySelection {
  /** Absent: every key, as a file of its name. */
  items?: KeyToPath[] | undefined;
  defaultMode: number;
  optional: boolean;
}

/** Files for the keys of a ConfigMap or Secret, or the first key that is asked for and missing. Pure. */
export function filesOfKeys(
  data: ReadonlyMap<string, Buffer>,
  { items, defaultMode, optional }: KeySelection,
): { files: VolumeFiles } | { missingKey: string } {
  const chosen = items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  const files: VolumeFiles = new Map();
  for (const { key, path, mode } of chosen) {
    const content = data.get(key);
    if (content !== undefined) files.set(path, { content, mode: mode ?? defaultMode });
    else if (!optional) return { missingKey: key };
  }
  return { files };
}

/** Whether a path stays within the folder that it is relative to. */
export function staysWithin(path: string): boolean {
  return !isAbsolute(path) && normalize(path).split("/")[0] !== "..";
}
