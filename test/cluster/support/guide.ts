import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

/** The commands of one section of docs/install.md, in their order, as a reader would type them. */
async function commandsOf(section: string): Promise<string[]> {
  const guide = await readFile("docs/install.md", "utf8");
  const text = guide.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  if (text === undefined) throw new Error(`docs/install.md has no section ${JSON.stringify(section)}`);
  return [...text.matchAll(/^```console\n(?<commands>.*?)^```$/gms)].map(({ groups }) => groups?.["commands"] ?? "");
}

/**
 * Runs a section of the guide in a shell; its variables are taken from `env`. Answers what it printed.
 * @throws with what the shell printed, when a command fails
 */
export async function followGuide(section: string, env: Record<string, string>): Promise<string> {
  const commands = await commandsOf(section);
  if (commands.length === 0) throw new Error(`section ${JSON.stringify(section)} of docs/install.md has no commands`);
  return await runShell(commands.join(""), env);
}

/** @throws with what the shell printed, when a command fails */
export function runShell(script: string, env: Record<string, string> = {}): Promise<string> {
  const child = spawn("bash", ["-euo", "pipefail", "-x", "-c", script], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`a command ended with ${code}:\n${printed}`));
    });
  });
}
