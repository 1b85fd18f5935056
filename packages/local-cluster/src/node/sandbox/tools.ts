import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { SandboxFailed } from "./sandbox-error.ts";

/** Absolute paths of the programs that make and enter sandboxes. */
export interface Tools {
  setpriv: string;
  unshare: string;
  nsenter: string;
  mkfifo: string;
}

const folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** @throws SandboxFailed naming the program that is missing. */
export async function findTools(): Promise<Tools> {
  return {
    setpriv: await find("setpriv"),
    unshare: await find("unshare"),
    nsenter: await find("nsenter"),
    mkfifo: await find("mkfifo"),
  };
}

async function find(name: string): Promise<string> {
  for (const folder of folders) {
    const path = join(folder, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  throw new SandboxFailed(`${name} is not installed (looked in ${folders.join(", ")})`);
}
