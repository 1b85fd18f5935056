import { createRequire } from "node:module";

/** The agent CLI was not installed for this machine. */
export class AgentCliMissing extends Error {
  override readonly name = "AgentCliMissing";

  constructor({ wanted }: { wanted: string }) {
    super(`The agent CLI is not installed (${wanted}): run \`make install\` on a machine it is made for.`);
  }
}

/**
 * Path of the agent CLI's native program, as installed with this package.
 * @throws AgentCliMissing when there is none for this machine
 */
export function agentCliPath(): string {
  // The program lies in a package that the CLI's own package depends on, and is found from there.
  const cli = createRequire(createRequire(import.meta.url).resolve("@anthropic-ai/claude-code/package.json"));
  const platform = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`;
  for (const name of [platform, `${platform}-musl`]) {
    try {
      return cli.resolve(`${name}/claude`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new AgentCliMissing({ wanted: platform });
}
