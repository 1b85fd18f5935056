import { execFile } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Socket } from "node:net";
import { promisify } from "node:util";

/** A pipe from a process to the node. */
export interface OutputPipe {
  /** File descriptor for the process. */
  writeEnd: number;
  /** To be called once the process has it. */
  closeWriteEnd(): void;
  /** Ends when all writers have gone. */
  readEnd: Socket;
}

/**
 * Makes a pipe for each of `paths`, which are free afterwards. What Node makes itself for a child are sockets, and
 * those cannot be opened again by the name /dev/stdout.
 */
export async function openOutputPipes(paths: readonly string[], mkfifo: string): Promise<OutputPipe[]> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
  await promisify(execFile)(mkfifo, ["-m", "600", ...paths]);
  const pipes = paths.map(openPipe);
  await Promise.all(paths.map((path) => rm(path)));
  return pipes;
}

function openPipe(path: string): OutputPipe {
  // Reading first and without waiting, so that opening for writing finds a reader and does not wait, either.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  const readEnd = new Socket({ fd: reader, readable: true, writable: false });
  return { writeEnd: writer, closeWriteEnd: () => closeSync(writer), readEnd };
}
