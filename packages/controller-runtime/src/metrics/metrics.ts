import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const reconcileBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const queueBuckets = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

interface WorkInHand {
  labels: { name: string; controller: string };
  /** How long each key in work has been so. */
  seconds: () => number[];
}

/** Counters under the names that controller-runtime and client-go use, so that known dashboards and alerts fit. */
export type Metrics = ReturnType<typeof createMetrics>;

/** A registry of its own with every metric of this package, beside those of the process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const queue = ["name", "controller"] as const;
  const controller = ["controller"] as const;
  const work = new Map<string, WorkInHand>();
  return {
    registry,
    /** Has the work in hand of a queue asked for whenever metrics are read. */
    observeWork(labels: WorkInHand["labels"], seconds: WorkInHand["seconds"]): void {
      work.set(labels.name, { labels, seconds });
    },
    restClientRequests: new Counter({
      name: "rest_client_requests_total",
      help: "Requests to the API server by status code, method and host",
      labelNames: ["code", "method", "host"] as const,
      registers,
    }),
    watchTransitions: new Counter({
      name: "watch_transitions_total",
      help: "Changes of state of the watches, by resource",
      labelNames: ["resource", "from", "to"] as const,
      registers,
    }),
    leaderElectionMasterStatus: new Gauge({
      name: "leader_election_master_status",
      help: "1 while this process holds the lease, 0 otherwise",
      labelNames: ["name"] as const,
      registers,
    }),
    reconcileTotal: new Counter({
      name: "controller_runtime_reconcile_total",
      help: "Reconciles by result",
      labelNames: ["controller", "result"] as const,
      registers,
    }),
    reconcileErrors: new Counter({
      name: "controller_runtime_reconcile_errors_total",
      help: "Reconciles that failed",
      labelNames: controller,
      registers,
    }),
    terminalReconcileErrors: new Counter({
      name: "controller_runtime_terminal_reconcile_errors_total",
      help: "Reconciles that failed and will not be retried",
      labelNames: controller,
      registers,
    }),
    reconcileTime: new Histogram({
      name: "controller_runtime_reconcile_time_seconds",
      help: "Duration of a reconcile",
      labelNames: controller,
      buckets: reconcileBuckets,
      registers,
    }),
    reconcileTimeouts: new Counter({
      name: "controller_runtime_reconcile_timeouts_total",
      help: "Reconciles that were given up because they took too long",
      labelNames: controller,
      registers,
    }),
    maxConcurrentReconciles: new Gauge({
      name: "controller_runtime_max_concurrent_reconciles",
      help: "Reconciles that may run at once",
      labelNames: controller,
      registers,
    }),
    activeWorkers: new Gauge({
      name: "controller_runtime_active_workers",
      help: "Reconciles that run now",
      labelNames: controller,
      registers,
    }),
    queueDepth: new Gauge({
      name: "workqueue_depth",
      help: "Keys that wait for a worker",
      labelNames: queue,
      registers,
    }),
    queueAdds: new Counter({
      name: "workqueue_adds_total",
      help: "Keys added",
      labelNames: queue,
      registers,
    }),
    queueDuration: new Histogram({
      name: "workqueue_queue_duration_seconds",
      help: "How long a key waited for a worker",
      labelNames: queue,
      buckets: queueBuckets,
      registers,
    }),
    queueWorkDuration: new Histogram({
      name: "workqueue_work_duration_seconds",
      help: "How long a worker held a key",
      labelNames: queue,
      buckets: queueBuckets,
      registers,
    }),
    queueUnfinishedWork: new Gauge({
      name: "workqueue_unfinished_work_seconds",
      help: "Sum of how long the keys in work have been so",
      labelNames: queue,
      registers,
      collect() {
        for (const { labels, seconds } of work.values()) this.set(labels, sum(seconds()));
      },
    }),
    queueLongestRunning: new Gauge({
      name: "workqueue_longest_running_processor_seconds",
      help: "How long the oldest key in work has been so",
      labelNames: queue,
      registers,
      collect() {
        for (const { labels, seconds } of work.values()) this.set(labels, Math.max(0, ...seconds()));
      },
    }),
    queueRetries: new Counter({
      name: "workqueue_retries_total",
      help: "Keys added again after a failure",
      labelNames: queue,
      registers,
    }),
  };
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
