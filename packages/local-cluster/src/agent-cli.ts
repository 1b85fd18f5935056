import { createRequire } from "node:module";

/** This machine's package of the agent CLI, by Node's names for platform and processor. */
const platformPackage = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`;

/**
 * Path of the agent CLI's program, as installed with this package. Throws where there is none for this machine.
 */
export function agentCliPath(): string {
  // The program lies in a package that the CLI's own package depends on, and is found from there.
  const cli = createRequire(import.meta.url).resolve("@anthropic-ai/claude-code/package.json");
  return createRequire(cli).resolve(`${platformPackage}/claude`);
}
