/** A component of the cluster could not be started. */
export class ComponentFailed extends Error {
  override readonly name = "ComponentFailed";
  readonly component: string;
  readonly logFile: string;
  readonly lastLines: string;

  constructor(options: { component: string; problem: string; logFile: string; lastLines: string; cause?: unknown }) {
    const { component, problem, logFile, lastLines, cause } = options;
    const why = cause instanceof Error ? `\nLast answer: ${describe(cause)}` : "";
    super(`${component} ${problem}.${why}\nLast lines of ${logFile}:\n${lastLines}`, { cause });
    this.component = component;
    this.logFile = logFile;
    this.lastLines = lastLines;
  }
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
