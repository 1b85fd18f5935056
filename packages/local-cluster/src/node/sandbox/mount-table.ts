/** A mount of this process, as in `/proc/self/mountinfo`. */
export interface Mount {
  path: string;
  options: string[];
}

/** Reads `/proc/self/mountinfo`. */
export function parseMountInfo(text: string): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      return { path: unescape(fields[4] ?? ""), options: (fields[5] ?? "").split(",") };
    });
}

// Within a user namespace a bind mount may not drop these, and the kernel wants them repeated.
const lockedOptions = ["nosuid", "nodev", "noexec"];

/** The options that a bind mount of `path` must repeat. `path` has no links in it. */
export function lockedOptionsAt(mounts: readonly Mount[], path: string): string[] {
  const holder = mounts.findLast((mount) => isWithin(path, mount.path));
  return lockedOptions.filter((option) => holder?.options.includes(option));
}

/** Mounts below `path`, which a recursive bind mount brings along and which have options of their own. */
export function mountsBelow(mounts: readonly Mount[], path: string): Mount[] {
  return mounts.filter((mount) => mount.path !== path && isWithin(mount.path, path));
}

export function isWithin(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

// The kernel writes blanks and backslashes in octal.
function unescape(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
