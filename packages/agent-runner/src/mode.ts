/** What every mode of the program is given; nothing below reads the process by itself. */
export interface ModeContext {
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGTERM and SIGINT. */
  signal: AbortSignal;
}

/** Runs one mode to its end; resolves to the exit code of the program. */
export type Mode = (context: ModeContext) => Promise<number>;
