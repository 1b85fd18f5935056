import { type Logger, pino, stdTimeFunctions } from "pino";
import type { Redactor } from "./redactor.ts";

/** Writes one JSON line for each entry to `write`, without any secret that `redactor` knows by then. */
export function createLogger(redactor: Redactor, write: (line: string) => void): Logger {
  const options = { base: { component: "gateway" }, messageKey: "message", timestamp: stdTimeFunctions.isoTime };
  return pino(options, { write: (line) => write(redactor.apply(line)) });
}
