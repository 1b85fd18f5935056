import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";

const secretFields = ["authorization", "Authorization", "token", "password", "apiKey"];

/** One JSON line per entry, with the level as a word and the time in ISO 8601. Fields that carry secrets are blanked. */
export function createLogger(options: {
  /** `trace`, `debug`, `info`, `warn`, `error` or `fatal`. */
  level: string;
  /** Stands in every line. */
  name: string;
  /** Default: standard output. */
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
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
