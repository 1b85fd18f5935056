import { readdir, readFile } from "node:fs/promises";
import type { Pod } from "@orchestrator/controller-runtime";

/** How the last word of their commands ends; `prepare` has become its program. */
const commands = { agent: "/agent.sh", prepare: "prepare" } as const;

/** Kills a container's process with SIGKILL, as an administrator of the node could. */
export async function killContainer(pod: Pod, container: keyof typeof commands): Promise<void> {
  const processes = await Promise.all((await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(read));
  const inside = processes.filter(({ environment }) => environment.includes(`HOSTNAME=${pod.metadata.name}`));
  const first = inside.find(({ command }) => command.at(-1)?.endsWith(commands[container]));
  // The one that holds the sandbox, and ends with its signal.
  const box = inside.find(({ pid }) => pid === first?.parent) ?? first;
  if (box === undefined) throw new Error(`no process is container ${container} of pod ${pod.metadata.name}`);
  process.kill(box.pid, "SIGKILL");
}

/** A process that has ended meanwhile reads as one without a command. */
async function read(pid: string): Promise<{ pid: number; parent: number; environment: string[]; command: string[] }> {
  const text = async (file: string): Promise<string> => await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  const words = async (file: string): Promise<string[]> => (await text(file)).split("\0").filter((word) => word !== "");
  const [, parent] = /^PPid:\s+(\d+)$/m.exec(await text("status")) ?? [];
  return {
    pid: Number(pid),
    parent: Number(parent),
    environment: await words("environ"),
    command: await words("cmdline"),
  };
}
