import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Door, door, doorFile } from "@orchestrator/core/pure";
import { replaceFile } from "./replace-file.ts";

/** Read by the other containers through the group that the pod's volumes belong to. */
const groupReadable = 0o640;

/** The door that an earlier start of this gateway has left: agents at work know its address and token. */
export async function readDoor(directory: string): Promise<Door | undefined> {
  try {
    return door.safeParse(JSON.parse(await readFile(join(directory, doorFile), "utf8"))).data;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export async function writeDoor(directory: string, value: Door): Promise<void> {
  await replaceFile(join(directory, doorFile), `${JSON.stringify(value)}\n`, groupReadable);
}

export function newToken(): string {
  return randomBytes(32).toString("hex");
}
