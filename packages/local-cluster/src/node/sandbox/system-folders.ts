import { readdir, readlink, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { isWithin } from "./mount-table.ts";

/** Something of this machine or of the node that is shown within a sandbox. */
export interface Bind {
  source: string;
  target: string;
  readOnly: boolean;
}

/** What the root of a sandbox is made of before volumes come. */
export interface RootPlan {
  folders: string[];
  links: { path: string; target: string }[];
  binds: Bind[];
}

const systemFolders = ["/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr"];

// What programs of /usr need of /etc; nothing that tells of this machine's users, keys or services.
const systemFiles = [
  "alternatives",
  "ca-certificates",
  "ca-certificates.conf",
  "crypto-policies",
  "host.conf",
  "hosts",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "mime.types",
  "nsswitch.conf",
  "os-release",
  "pki",
  "protocols",
  "resolv.conf",
  "services",
  "ssl",
  "timezone",
].map((name) => `/etc/${name}`);

/**
 * This machine's system folders, read-only. A folder that something else is to be mounted within (`targets`) is opened:
 * made new and filled with its entries, for a mount point cannot be made in a read-only folder.
 */
export async function planSystemFolders(targets: readonly string[]): Promise<RootPlan> {
  const plan: RootPlan = { folders: ["/etc"], links: [], binds: [] };
  for (const path of [...systemFolders, ...systemFiles]) await addEntry(path, targets, plan);
  return plan;
}

async function addEntry(path: string, targets: readonly string[], plan: RootPlan): Promise<void> {
  if (targets.includes(path)) return;
  const kind = await kindOf(path);
  if (kind === "link" && !path.startsWith("/etc/")) {
    plan.links.push({ path, target: await readlink(path) });
  } else if (kind === "folder" && targets.some((target) => isWithin(target, path))) {
    plan.folders.push(path);
    for (const name of (await readdir(path)).toSorted()) await addEntry(join(path, name), targets, plan);
  } else if (kind !== "nothing") {
    plan.binds.push({ source: await realpath(path), target: path, readOnly: true });
  }
}

async function kindOf(path: string): Promise<"link" | "folder" | "file" | "nothing"> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return "nothing";
  const isLink = await readlink(path).then(
    () => true,
    () => false,
  );
  if (isLink) return "link";
  return found.isDirectory() ? "folder" : "file";
}
