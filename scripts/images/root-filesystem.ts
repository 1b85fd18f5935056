import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./run-program.ts";

const packages = ["git", "ca-certificates", "libstdc++6"];
const unneeded = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"];
const sources = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];

/**
 * A tar of Debian's essential packages with git, of the release and from the sources that this machine itself uses. One that is
 * in `folder` already is taken; remove it to have newer packages.
 * @throws when this machine has no apt sources, or a package cannot be had
 */
export async function ensureRootFilesystem(folder: string, timestamp: string): Promise<string> {
  const archive = join(folder, "rootfs.tar");
  if (existsSync(archive)) return archive;
  const source = sources.find((path) => existsSync(path));
  if (source === undefined) throw new Error(`none of ${sources.join(", ")} is here: name an image with --base instead`);
  const suite = /^VERSION_CODENAME=(.+)$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
  const unfinished = join(folder, "rootfs.new.tar");
  await runProgram(
    "mmdebstrap",
    [
      "--quiet",
      "--variant=essential",
      `--include=${packages.join(",")}`,
      ...unneeded.map((path) => `--dpkgopt=path-exclude=${path}`),
      suite,
      unfinished,
      source,
    ],
    // mmdebstrap gives every file this date at most, and leaves out what differs from one time to the next.
    { ...process.env, SOURCE_DATE_EPOCH: timestamp },
  );
  await rename(unfinished, archive);
  return archive;
}
