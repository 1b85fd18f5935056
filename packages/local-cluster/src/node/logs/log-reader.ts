import { open, type FileHandle } from "node:fs/promises";
import type { LogOptions } from "./log-options.ts";

/** A log file, and how to learn of more of it. Without `changed` the file is complete. */
export interface LogSource {
  path: string;
  live?: {
    readonly closed: boolean;
    readonly version: number;
    changed(version: number, signal: AbortSignal): Promise<void>;
  };
}

/** The text of a log as `kubectl logs` shows it, in pieces. With `follow` it ends with the container. */
export async function* readLog(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const piece of lines(source, options, signal)) {
    if (left <= 0) return;
    const bytes = Buffer.from(piece);
    yield bytes.length <= left ? piece : bytes.subarray(0, left).toString("utf8");
    left -= bytes.length;
  }
}

async function* lines(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
  const file = await open(source.path, "r");
  try {
    const reader = new LineReader(file);
    const present = (await reader.more()).filter((line) => isWanted(line, options));
    const { tailLines } = options;
    const shown = tailLines === undefined ? present : present.slice(Math.max(0, present.length - tailLines));
    for (const line of shown) yield format(line, options);
    while (options.follow && source.live !== undefined) {
      const { closed, version } = source.live;
      for (const line of await reader.more()) if (isWanted(line, options)) yield format(line, options);
      if (closed) return;
      await source.live.changed(version, signal);
    }
  } finally {
    await file.close();
  }
}

interface Line {
  time: string;
  text: string;
  complete: boolean;
}

/** Reads whole lines of a file that grows. */
class LineReader {
  readonly #file: FileHandle;
  #offset = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async more(): Promise<Line[]> {
    const { size } = await this.#file.stat();
    const buffer = Buffer.alloc(size - this.#offset);
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    this.#offset += end;
    if (end === 0) return [];
    return buffer
      .subarray(0, end - 1)
      .toString("utf8")
      .split("\n")
      .map(parseLine);
  }
}

function parseLine(line: string): Line {
  const [, time = "", flag = "F", text = ""] = /^(\S+) \S+ ([FP]) (.*)$/s.exec(line) ?? [];
  return { time, text, complete: flag === "F" };
}

function isWanted({ time }: Line, { since }: LogOptions): boolean {
  return since === undefined || Date.parse(time) >= since;
}

function format({ time, text, complete }: Line, { timestamps }: LogOptions): string {
  return `${timestamps ? `${time} ` : ""}${text}${complete ? "\n" : ""}`;
}

/** The last lines of a log, at most `lines` and `bytes`; empty when there is none. */
export async function lastLogText(path: string, limit: { lines: number; bytes: number }): Promise<string> {
  const options: LogOptions = { follow: false, previous: false, timestamps: false, tailLines: limit.lines };
  let text = "";
  for await (const piece of readLog({ path }, options, AbortSignal.abort())) text += piece;
  const bytes = Buffer.from(text);
  return bytes.subarray(Math.max(0, bytes.length - limit.bytes)).toString("utf8");
}
