import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";

const secretFields = ["authorization", "Authorization", "token", "password", "apiKey"];

/** One JSON line per entry, with the level as a word and the time in ISO 8601. Fields that carry secrets are blanked. */
export function createLogger(options: {
  /** `trace`, `debug`, `info`, `warn`, `error` or `fatal`. */
  level: string;
  /** Stands in every line. */
  name: string;
  /** Default: standard output, where a process that is killed leaves out what it has logged in its last tenth of a second. */
  destination?: DestinationStream | undefined;
}): Logger {
  const settings = {
    level: options.level,
    name: options.name,
    base: {},
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.headers.${field}`, `err.*.headers.${field}`]),
      censor: "[secret]",
    },
  };
  return pino(settings, options.destination ?? standardOutput());
}

/** Lines go out together, within a tenth of a second: a write for each costs a tenth of what a run costs. */
function standardOutput(): DestinationStream {
  return pino.destination({ dest: 1, sync: false, minLength: 4096, periodicFlush: 100 });
}
