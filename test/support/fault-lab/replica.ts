import { readdir, readFile } from "node:fs/promises";
import type { Fault, FaultProxy } from "@orchestrator/fault-kit";
import { credentialsOf, startApiProxy } from "../api-proxy.ts";
import { type OperatorName, launchOperator, type RunningOperator } from "../operator.ts";
import { podTemplate } from "./stage.ts";
import type { World } from "./world.ts";

export interface ReplicaOptions {
  world: World;
  operator: OperatorName;
  namespace: string;
  plan: readonly Fault[];
}

/** What the machine and the operator say of one process. */
export interface Sample {
  residentMiB: number;
  heapMiB: number;
  /** Files and sockets. */
  descriptors: number;
  /** What Node would wait for before it ends: sockets, timers, requests. */
  activeResources: number;
}

/** So that leaders are lost often. */
const shortLease = { LEASE_DURATION: "4s", RENEW_DEADLINE: "3s", RETRY_PERIOD: "300ms" };

/** One of the operator's processes, behind a proxy of its own; when it ends, it is started again, as a container is. */
export class Replica implements AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly warnings: string[] = [];
  #process: RunningOperator;
  #lives = 1;
  #wanted = true;
  #supervising: Promise<void>;

  private constructor(proxy: FaultProxy, operator: RunningOperator) {
    this.proxy = proxy;
    this.#process = operator;
    this.#supervising = this.#supervise();
  }

  static async start({ world, operator, namespace, plan }: ReplicaOptions): Promise<Replica> {
    const { client } = world;
    const { identity } = await credentialsOf(client);
    const spare = ({ resource }: { resource: string }): boolean => resource === "leases";
    const proxy = await startApiProxy(client, { identity: undefined, reader: identity, plan, spare });
    // As the Deployments have it, and open to be asked for a collection of garbage.
    const NODE_OPTIONS = "--max-semi-space-size=8 --inspect=127.0.0.1:0";
    const env = { POD_TEMPLATE: await podTemplate(), WAITING_NOTICE_AFTER: "1h", NODE_OPTIONS, ...shortLease };
    const launched = launchOperator({ operator, namespace, client, server: proxy.url, env });
    return new Replica(proxy, await launched);
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  /** One that has ended by itself just now, having lost its lease, is not there to be struck. */
  kill(signal: NodeJS.Signals): void {
    try {
      process.kill(this.#process.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** Of what is left when all garbage is collected. */
  async sample(): Promise<Sample> {
    const { pid, ports, output } = this.#process;
    await collectGarbage(/ws:\S+/.exec(output.stderr)?.[0] ?? "");
    const [status, descriptors, metrics] = await Promise.all([
      readFile(`/proc/${pid}/status`, "utf8"),
      readdir(`/proc/${pid}/fd`),
      fetch(`http://127.0.0.1:${ports.metrics}/metrics`).then((answer) => answer.text()),
    ]);
    return {
      residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
      heapMiB: gauge(metrics, "nodejs_heap_size_used_bytes") / 1024 ** 2,
      descriptors: descriptors.length,
      activeResources: gauge(metrics, "nodejs_active_resources_total"),
    };
  }

  /** Ends it as Kubernetes does, for good. */
  async stop(): Promise<number | string> {
    this.#wanted = false;
    const end = await this.#process.stop();
    await this.#supervising;
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted = false;
    await this.#process.kill();
    await this.#supervising;
    await this.proxy[Symbol.asyncDispose]();
  }

  async #supervise(): Promise<void> {
    for (;;) {
      await this.#process.ended;
      this.#keepWarnings();
      if (!this.#wanted) return;
      this.#lives += 1;
      this.#process = this.#process.launchAgain();
    }
  }

  #keepWarnings(): void {
    const { stderr } = this.#process.output;
    this.warnings.push(...stderr.split("\n").filter((line) => line.includes("Warning")));
  }
}

/** Asks a process by its inspector. */
async function collectGarbage(inspector: string): Promise<void> {
  const socket = new WebSocket(inspector);
  try {
    await once(socket, "open");
    socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
    await once(socket, "message");
  } finally {
    socket.close();
  }
}

function once(socket: WebSocket, event: "open" | "message"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(event, () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")), { once: true });
  });
}

function gauge(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)`, "m").exec(metrics)?.[1]);
}
