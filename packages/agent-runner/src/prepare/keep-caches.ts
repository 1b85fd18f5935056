import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Folders of a home, by their path in it, that hold what package managers have fetched and nothing that changes how programs behave. */
const caches = [
  ".cache",
  ".npm",
  ".local/share/pnpm/store",
  ".m2/repository",
  ".gradle/caches",
  ".cargo/registry",
  ".nuget/packages",
  "go/pkg/mod",
];

/** Removes from a home what another run of the service has left there, but for caches. */
export async function keepCaches(home: string): Promise<void> {
  await prune(home, "");
}

/** A link is never followed, nor kept: it could stand for any other place. */
async function prune(home: string, folder: string): Promise<void> {
  for (const entry of await readdir(join(home, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    const isFolder = entry.isDirectory();
    if (isFolder && caches.includes(path)) continue;
    if (isFolder && caches.some((cache) => cache.startsWith(`${path}/`))) await prune(home, path);
    else await rm(join(home, path), { recursive: true, force: true });
  }
}
