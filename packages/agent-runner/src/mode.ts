/** What every mode of the program is given; nothing below reads the process by itself. */
export interface ModeContext {
  env: Readonly<Record<string, string | undefined>>;
  /** Arguments after the name of the mode. */
  argv: readonly string[];
  /** Aborted by SIGTERM and SIGINT. */
  signal: AbortSignal;
}

/** Runs one mode to its end; resolves to the exit code of the program. */
export type Mode = (context: ModeContext) => Promise<number>;
