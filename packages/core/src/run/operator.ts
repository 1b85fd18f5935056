import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import {
  ConnectionConfigError,
  Controller,
  createLogger,
  createMetrics,
  EventRecorder,
  Informer,
  KubernetesClient,
  LeadershipLostError,
  LeaseUnavailableError,
  loadConnection,
  Manager,
  ResourceUnavailableError,
  resources,
  ShutdownTimeoutError,
  systemClock,
  type Connection,
  type Job,
  type Logger,
  type Metrics,
  type NetworkPolicy,
  type Pod,
} from "@orchestrator/controller-runtime";
import { InvalidConfig } from "../errors/invalid-config.ts";
import { loadAttemptSettings } from "./attempt-settings.ts";
import type { DecideSettings } from "./decision.ts";
import type { HandlerRegistry, JobHandler } from "./job-handler.ts";
import { kindSelector } from "./labels.ts";
import {
  projectJob,
  projectNetworkPolicy,
  projectPod,
  projectRun,
  type JobView,
  type NetworkPolicyView,
  type PodView,
  type RunObject,
  type RunView,
} from "./observation.ts";
import { readOperatorSettings, type Environment, type OperatorSettings } from "./operator-settings.ts";
import { byRun, RunReconciler } from "./reconciler.ts";
import { createRunMetrics, type RunMetrics } from "./run-metrics.ts";

export interface OperatorOptions {
  /** Stands in logs, events, the user agent and the Lease. */
  name: string;
  handlers: HandlerRegistry;
  env: Environment;
  /** Takes the one line that says why the operator cannot go on. */
  stderr: { write(text: string): unknown };
  signal: AbortSignal;
}

/** Runs an operator until the signal aborts. Returns its exit code: 0 after a clean stop, 1 with a line on `stderr`. */
export async function operatorMain(options: OperatorOptions): Promise<number> {
  try {
    await runOperator(options);
    return 0;
  } catch (error) {
    options.stderr.write(`${options.name}: ${lastWords(error)}\n`);
    return 1;
  }
}

async function runOperator({ name, handlers, env, signal }: OperatorOptions): Promise<void> {
  const settings = readOperatorSettings(env);
  const attempt = await loadAttemptSettings(settings);
  const connection = await loadConnection({ kubeconfig: settings.kubeconfig, env });
  const logger = createLogger({ level: settings.logLevel, name });
  const metrics = createMetrics();
  const client = new KubernetesClient({ connection, userAgent: name, metrics });
  const manager = new Manager({
    client,
    logger,
    metrics,
    leaderElection: settings.leaderElection ? leaderElection(name, settings, connection) : "disabled",
    metricsPort: settings.metricsPort,
    healthPort: settings.healthPort,
  });
  const { waitingNoticeAfterMs, networkPolicy } = settings;
  const decideSettings = { attempt, waitingNoticeAfterMs, ...(networkPolicy && { networkPolicy }) };
  const program = { name, client, logger, metrics, settings, decideSettings, runMetrics: createRunMetrics(metrics) };
  for (const handler of handlers.all()) addController(manager, handler, program);
  try {
    await manager.run(signal);
  } finally {
    await client.close();
  }
}

interface Program {
  name: string;
  client: KubernetesClient;
  logger: Logger;
  metrics: Metrics;
  runMetrics: RunMetrics;
  settings: OperatorSettings;
  decideSettings: DecideSettings;
}

/** The caches of one kind of run, and the controller that works on them. */
function addController(manager: Manager, handler: JobHandler, program: Program): void {
  const { name, client, logger, metrics, settings } = program;
  const namespaces = settings.watchNamespaces;
  const shared = { client, logger, ...(namespaces && { namespaces }) };
  const labelSelector = kindSelector(handler.resource.kind);
  const indexers = { [byRun]: (view: { runUid: string }) => [view.runUid] };
  const runs = new Informer<RunObject, RunView>({ ...shared, type: handler.resource, project: projectRun });
  const jobs = new Informer<Job, JobView>({
    ...shared,
    type: resources.jobs,
    labelSelector,
    project: projectJob,
    indexers,
  });
  const pods = new Informer<Pod, PodView>({
    ...shared,
    type: resources.pods,
    labelSelector,
    project: projectPod,
    indexers,
  });
  const networkPolicies =
    settings.networkPolicy &&
    new Informer<NetworkPolicy, NetworkPolicyView>({
      ...shared,
      type: resources.networkPolicies,
      labelSelector,
      project: projectNetworkPolicy,
    });
  const component = `orchestrator.io/${name}`;
  const reconciler = new RunReconciler({
    handler,
    client,
    runs: runs.store,
    jobs: jobs.store,
    pods: pods.store,
    ...(networkPolicies && { networkPolicies: networkPolicies.store }),
    events: new EventRecorder({ client, component, instance: hostname(), clock: systemClock }),
    settings: program.decideSettings,
    now: () => systemClock.now(),
    random: Math.random,
    logger,
    metrics: program.runMetrics,
  });
  const controller = new Controller({
    name: handler.resource.plural,
    reconcile: reconciler.reconcile,
    concurrency: settings.concurrentReconciles,
    logger,
    metrics,
  });
  controller.watch(runs, (change) => [change.key]);
  controller.watch(jobs, ({ current, old }) => runOf(current ?? old));
  controller.watch(pods, ({ current, old }) => runOf(current ?? old));
  manager.add(runs);
  manager.add(jobs);
  manager.add(pods);
  if (networkPolicies !== undefined) manager.add(networkPolicies);
  manager.add(controller);
}

function runOf(view: { namespace: string; runName: string } | undefined): { namespace: string; name: string }[] {
  return view === undefined || view.runName === "" ? [] : [{ namespace: view.namespace, name: view.runName }];
}

function leaderElection(name: string, settings: OperatorSettings, connection: Connection) {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = settings;
  return {
    namespace: settings.leaseNamespace ?? connection.namespace ?? "default",
    name,
    identity: `${hostname()}_${randomUUID()}`,
    leaseDurationMs,
    renewDeadlineMs,
    retryPeriodMs,
  };
}

const expected = [
  InvalidConfig,
  ConnectionConfigError,
  LeaseUnavailableError,
  LeadershipLostError,
  ShutdownTimeoutError,
];

/** One line for the person who runs the operator; what nobody expected comes with its stack. */
function lastWords(error: unknown): string {
  if (error instanceof ResourceUnavailableError) return oneLine(`${error.message}${installHint(error)}`);
  if (expected.some((known) => error instanceof known)) return oneLine((error as Error).message);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function installHint({ group, plural, cause }: ResourceUnavailableError): string {
  const missing = (cause as { status?: number }).status === 404 && group === "orchestrator.io";
  return missing ? `: kubectl apply -f crds/${plural}.yaml` : "";
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
