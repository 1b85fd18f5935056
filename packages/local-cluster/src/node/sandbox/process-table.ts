import { readdir, readFile } from "node:fs/promises";

export interface ProcessEntry {
  parent: number;
  /** Resident memory that the kernel cannot take back: anonymous and shared pages, not mapped files. */
  memoryBytes: number;
}

/** All processes of this machine, by pid. */
export async function readProcesses(): Promise<Map<number, ProcessEntry>> {
  const pids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  const entries = await Promise.all(
    pids.map(async (pid) => {
      // A process may end between the two reads.
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      return [Number(pid), parseStatus(status)] as const;
    }),
  );
  return new Map(entries.filter((entry): entry is [number, ProcessEntry] => entry[1] !== undefined));
}

/** Reads `/proc/<pid>/status`; undefined when it has no parent. */
export function parseStatus(status: string): ProcessEntry | undefined {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+([0-9]+)`, "m").exec(status)?.[1] ?? Number.NaN);
  const parent = field("PPid");
  if (Number.isNaN(parent)) return undefined;
  return { parent, memoryBytes: ((field("RssAnon") || 0) + (field("RssShmem") || 0)) * 1024 };
}

/** `pid` and everything below it. */
export function processTree(processes: ReadonlyMap<number, ProcessEntry>, pid: number): number[] {
  const children = Map.groupBy(processes, ([, { parent }]) => parent);
  const tree: number[] = [];
  const pending = processes.has(pid) ? [pid] : [];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    tree.push(next);
    pending.push(...(children.get(next) ?? []).map(([child]) => child));
  }
  return tree;
}

/** Memory of `pid` and everything below it. */
export function treeMemory(processes: ReadonlyMap<number, ProcessEntry>, pid: number): number {
  return processTree(processes, pid).reduce((sum, member) => sum + (processes.get(member)?.memoryBytes ?? 0), 0);
}
