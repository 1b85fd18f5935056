import { type ChildProcess, spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Stage } from "../cluster/stage.ts";
import { cpuSeconds, memoryMiB } from "../measure/process-usage.ts";
import type { Contender } from "./contender.ts";

const launcher = `
mount -t tmpfs none /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
`;
/** With the files of its ServiceAccount where a pod has them, as programs find their API server in production. */
const asInPod = ["--map-root-user", "--mount", "sh", "-e", "-c", launcher, "launcher"];

/** A contender that runs; `await using` kills it. */
export class ContenderProcess implements AsyncDisposable {
  /** Of the moment before it was started, in milliseconds of `performance.now()`. */
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #name: string;

  private constructor(contender: Contender, child: ChildProcess, startedAt: number) {
    this.#child = child;
    this.#name = contender.name;
    this.startedAt = startedAt;
  }

  /** @param env beside what every contender needs. */
  static async start(contender: Contender, stage: Stage, env: Record<string, string> = {}): Promise<ContenderProcess> {
    const log = await open(join(stage.directory, `${contender.name.replaceAll(" ", "-")}.log`), "a");
    try {
      const startedAt = performance.now();
      const child = spawn("unshare", [...asInPod, stage.accountFolder, ...contender.command], {
        env: { ...settings(stage), ...contender.env, ...env },
        stdio: ["pipe", log.fd, log.fd],
      });
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", reject);
      });
      return new ContenderProcess(contender, child, startedAt);
    } finally {
      await log.close();
    }
  }

  /** Tells it of a run. */
  feed(name: string, uid: string): void {
    this.#child.stdin?.write(`${name} ${uid}\n`);
  }

  /** User and system time so far, in seconds. */
  async cpuSeconds(): Promise<number> {
    return await cpuSeconds(this.#pid());
  }

  async memoryMiB(): Promise<{ now: number; peak: number }> {
    return await memoryMiB(this.#pid());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error(`${this.#name} had ended`);
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGKILL");
    await closed;
  }

  #pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} does not run`);
    return this.#child.pid;
  }
}

/** The same for all: no lease to wait for, no events, and no word of how long a run waits. */
function settings({ namespace, controlPlane, templates }: Stage): Record<string, string> {
  const { hostname, port } = new URL(controlPlane.server);
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    WATCH_NAMESPACES: namespace,
    AGENT_IMAGE: "orchestrator/agent:0.1.0",
    LEADER_ELECTION: "false",
    RECORD_EVENTS: "false",
    WAITING_NOTICE_AFTER: "1h",
    METRICS_PORT: "0",
    HEALTH_PORT: "0",
    BENCH_TEMPLATES: templates.folder,
  };
}
