import { readdirSync, readFileSync } from "node:fs";

export interface ProcessEntry {
  parent: number;
  /** Resident memory that the kernel cannot take back: anonymous and shared pages, not mapped files. */
  memoryBytes: number;
}

/** All processes of this machine, by pid. Waits for the kernel, which answers at once: to hand that to threads costs four times as much. */
export function readProcesses(): Map<number, ProcessEntry> {
  const processes = new Map<number, ProcessEntry>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const entry = Number.isInteger(pid) ? parseStatus(readStatus(pid)) : undefined;
    if (entry !== undefined) processes.set(pid, entry);
  }
  return processes;
}

/** Empty where the process has ended meanwhile, or is another user's and hidden (`hidepid`). */
function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code ?? "")) return "";
    throw error;
  }
}

/** Reads `/proc/<pid>/status`; undefined when it has no parent. */
export function parseStatus(status: string): ProcessEntry | undefined {
  const parent = /^PPid:\s+([0-9]+)/m.exec(status)?.[1];
  if (parent === undefined) return undefined;
  const [anonymous, shared] = [/^RssAnon:\s+([0-9]+)/m, /^RssShmem:\s+([0-9]+)/m].map(
    (field) => field.exec(status)?.[1],
  );
  return { parent: Number(parent), memoryBytes: (Number(anonymous ?? 0) + Number(shared ?? 0)) * 1024 };
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
