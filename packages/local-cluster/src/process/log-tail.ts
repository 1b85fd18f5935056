import { open } from "node:fs/promises";

/** The last lines of a file, at most `lines` (default 15) and 8 KiB; a note when it is empty. */
export async function readTail(path: string, lines = 15): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 8192);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString("utf8").trimEnd();
    return text === "" ? "(nothing was logged)" : text.split("\n").slice(-lines).join("\n");
  } finally {
    await file.close();
  }
}
