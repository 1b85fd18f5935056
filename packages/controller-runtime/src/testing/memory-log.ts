import type { Logger } from "pino";
import { createLogger } from "../log/logger.ts";

export interface LogLine {
  level: string;
  msg: string;
  [field: string]: unknown;
}

/** A logger whose lines can be read back. */
export function memoryLog(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) };
  return { logger: createLogger({ level: "debug", name: "test", destination }), lines };
}
