import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import {
  ConnectionConfigError,
  Controller,
  createLogger,
  createMetrics,
  EventRecorder,
  fencedClient,
  Informer,
  type InformerOptions,
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
  type PersistentVolumeClaim,
  type Pod,
  type ReconcileClient,
} from "@orchestrator/controller-runtime";
import { InvalidConfig } from "../errors/invalid-config.ts";
import { loadAttemptSettings } from "./attempt-settings.ts";
import type { DecideSettings } from "./decision.ts";
import type { HandlerRegistry, JobHandler } from "./job-handler.ts";
import { kindSelector } from "./labels.ts";
import { workspaceClaimName } from "./names.ts";
import {
  isTerminal,
  keyOf,
  projectJob,
  projectNetworkPolicy,
  projectPod,
  runProjection,
  type JobView,
  type NetworkPolicyView,
  type PodView,
  type RunObject,
  type RunView,
} from "./observation.ts";
import { readOperatorSettings, type Environment, type OperatorSettings } from "./operator-settings.ts";
import { byClaim, byRun, claimId, RunReconciler } from "./reconciler.ts";
import { createRunMetrics, type RunMetrics } from "./run-metrics.ts";
import { type ClaimView, projectClaim, workspaceSelector } from "./workspace.ts";

export interface OperatorOptions {
  /** Stands in logs, events, the user agent and the Lease. */
  name: string;
  /** Stands in the user agent. */
  version: string;
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

async function runOperator({ name, version, handlers, env, signal }: OperatorOptions): Promise<void> {
  const settings = readOperatorSettings(env);
  const attempt = await loadAttemptSettings(settings);
  const connection = await loadConnection({ kubeconfig: settings.kubeconfig, env });
  const logger = createLogger({ level: settings.logLevel, name });
  const metrics = createMetrics();
  const userAgent = `${name}/${version} (${process.platform}/${process.arch})`;
  const client = new KubernetesClient({ connection, userAgent, metrics });
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
  const writer = fencedClient(client, () => manager.checkLeading());
  const runMetrics = createRunMetrics(metrics);
  const program = { name, client, writer, logger, metrics, settings, decideSettings, runMetrics };
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
  /** Writes only while this process leads. */
  writer: ReconcileClient;
  logger: Logger;
  metrics: Metrics;
  runMetrics: RunMetrics;
  settings: OperatorSettings;
  decideSettings: DecideSettings;
}

/** The caches of one kind of run, and the controller that works on them. */
function addController(manager: Manager, handler: JobHandler, program: Program): void {
  const { name, client, writer, logger, metrics, settings } = program;
  const namespaces = settings.watchNamespaces;
  const shared = { client, logger, metrics, ...(namespaces && { namespaces }) };
  const labelSelector = kindSelector(handler.resource.kind);
  const indexers = {
    [byRun]: (view: { runUid: string }) => [view.runUid],
    [byClaim]: ({ namespace, claim }: { namespace: string; claim?: string }) =>
      claim === undefined ? [] : [claimId(namespace, claim)],
  };
  const runs = new Informer<RunObject, RunView>({
    ...shared,
    type: handler.resource,
    project: runProjection(handler.defaults),
    indexers: { [byClaim]: (view) => claimsWanted(handler, view) },
  });
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
  const claims = handler.workspaceOf && claimInformer(shared);
  const networkPolicies = settings.networkPolicy && networkPolicyInformer(shared, labelSelector);
  const component = `orchestrator.io/${name}`;
  const events = settings.recordEvents
    ? new EventRecorder({ client: writer, component, instance: hostname(), clock: systemClock })
    : { record: () => Promise.resolve() };
  const reconciler = new RunReconciler({
    handler,
    client: writer,
    runs: runs.store,
    jobs: jobs.store,
    pods: pods.store,
    claims: claims?.store,
    networkPolicies: networkPolicies?.store,
    events,
    enqueue: (key) => controller.enqueue(key),
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
    timeoutMs: settings.reconcileTimeoutMs,
    logger,
    metrics,
  });
  // Whoever waits for a turn in a workspace is woken by everything that may bring it.
  const waiters = (ids: string[]) => ids.flatMap((id) => runs.store.byIndex(byClaim, id)).map(keyOf);
  const users = (view: { namespace: string; runName: string; claim?: string } | undefined) =>
    view === undefined ? [] : [...runOf(view), ...waiters(indexers[byClaim](view))];
  controller.watch(runs, ({ key, current, old }) => [key, ...waiters(claimsWanted(handler, old ?? current))]);
  controller.watch(jobs, ({ current, old }) => users(current ?? old));
  controller.watch(pods, ({ current, old }) => users(current ?? old));
  if (claims !== undefined) {
    controller.watch(claims, ({ key }) => waiters([claimId(key.namespace ?? "", key.name)]));
    manager.add(claims);
  }
  manager.add(runs);
  manager.add(jobs);
  manager.add(pods);
  if (networkPolicies !== undefined) manager.add(networkPolicies);
  manager.add(controller);
  manager.onLeading(async (signal) => reconciler.inherit(await runs.currentVersion(signal)));
}

function claimInformer(
  shared: Pick<InformerOptions<PersistentVolumeClaim, ClaimView>, "client" | "logger" | "namespaces">,
) {
  const type = resources.persistentVolumeClaims;
  return new Informer({ ...shared, type, labelSelector: workspaceSelector, project: projectClaim });
}

function networkPolicyInformer(
  shared: Pick<InformerOptions<NetworkPolicy, NetworkPolicyView>, "client" | "logger" | "namespaces">,
  labelSelector: string,
) {
  const type = resources.networkPolicies;
  return new Informer({ ...shared, type, labelSelector, project: projectNetworkPolicy });
}

/** The claim of the workspace that a run which has not ended asks for. */
function claimsWanted(handler: JobHandler, run: RunView): string[] {
  const wish = isTerminal(run.status) ? undefined : handler.workspaceOf?.(run.spec);
  if (wish === undefined) return [];
  return [claimId(run.namespace, workspaceClaimName(run.namespace, wish.serviceName))];
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
