import { EventEmitter, once } from "node:events";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";

export type StreamName = "stdout" | "stderr";

// A line longer than this is written in parts, marked P, as by container runtimes.
const longestLine = 16 * 1024;

/**
 * What one run of a container has written: a file with one line each, in the format of container runtimes
 * (`TIME STREAM F|P TEXT`).
 */
export class ContainerLog {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #changes = new EventEmitter();
  readonly #now: () => number;
  #closed = false;
  #version = 0;

  private constructor(path: string, file: FileHandle, now: () => number) {
    this.path = path;
    this.#file = file;
    this.#now = now;
    // Every reader that follows the log listens.
    this.#changes.setMaxListeners(0);
  }

  static async create(path: string, now: () => number): Promise<ContainerLog> {
    await mkdir(dirname(path), { recursive: true });
    return new ContainerLog(path, await open(path, "a"), now);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Rises with every change. */
  get version(): number {
    return this.#version;
  }

  /** Takes all of a stream; resolves at its end. */
  async write(name: StreamName, stream: Readable): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const { lines, rest: left } = splitLines(Buffer.concat([rest, chunk]));
      rest = left;
      await this.#append(name, lines);
    }
    if (rest.length > 0) await this.#append(name, [{ text: rest, complete: true }]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tell();
    await this.#file.close();
  }

  /** Resolves as soon as there is something newer than `version`. */
  async changed(version: number, signal: AbortSignal): Promise<void> {
    if (this.#version === version) await once(this.#changes, "change", { signal });
  }

  async #append(name: StreamName, lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    const time = new Date(this.#now()).toISOString();
    const parts = lines.flatMap(({ text, complete }) => [
      Buffer.from(`${time} ${name} ${complete ? "F" : "P"} `),
      text,
      Buffer.from("\n"),
    ]);
    await this.#file.appendFile(Buffer.concat(parts));
    this.#tell();
  }

  #tell(): void {
    this.#version += 1;
    this.#changes.emit("change");
  }
}

interface Line {
  text: Buffer;
  complete: boolean;
}

function splitLines(buffer: Buffer): { lines: Line[]; rest: Buffer } {
  const lines: Line[] = [];
  let start = 0;
  for (let end = buffer.indexOf(10); end !== -1; end = buffer.indexOf(10, start)) {
    lines.push(...cutLine(buffer.subarray(start, end)));
    start = end + 1;
  }
  let rest = buffer.subarray(start);
  while (rest.length > longestLine) {
    lines.push({ text: rest.subarray(0, longestLine), complete: false });
    rest = rest.subarray(longestLine);
  }
  return { lines, rest };
}

function cutLine(text: Buffer): Line[] {
  const lines: Line[] = [];
  let rest = text;
  while (rest.length > longestLine) {
    lines.push({ text: rest.subarray(0, longestLine), complete: false });
    rest = rest.subarray(longestLine);
  }
  return [...lines, { text: rest, complete: true }];
}
