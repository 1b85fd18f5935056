import { z } from "zod";
import { durationMs } from "../api/duration.ts";
import { type AccessMode, accessMode } from "../api/workspace.ts";
import { InvalidConfig } from "../errors/invalid-config.ts";
import { gracePeriodMs } from "./check-attempt.ts";
import type { EgressDestination } from "../pod/network-policy.ts";
import { defined } from "./defined.ts";

/** What an operator is told by its environment, in the units that the code works with. */
export interface OperatorSettings {
  /** WATCH_NAMESPACES, separated by commas; absent: all namespaces. */
  watchNamespaces?: string[];
  /** AGENT_IMAGE */
  agentImage: string;
  /** MODEL_BASE_URL; default `https://api.anthropic.com` */
  modelBaseUrl: string;
  /** MODEL_SECRET_NAME; default `orchestrator-model` */
  modelSecretName: string;
  /** KEEP_WORK; default true: unfinished work and sessions are kept in the repository, under `refs/orchestrator/` */
  keepWork: boolean;
  /** CA_BUNDLE: path of a PEM file. */
  caBundle?: string;
  /** METRICS_PORT; default 8080, 0 for any free port */
  metricsPort: number;
  /** HEALTH_PORT; default 8081, 0 for any free port */
  healthPort: number;
  /** LEADER_ELECTION; default true */
  leaderElection: boolean;
  /** LEASE_NAMESPACE; absent: that of the operator's pod or kubeconfig context */
  leaseNamespace?: string;
  /** LEASE_DURATION; default 15s */
  leaseDurationMs: number;
  /** RENEW_DEADLINE; default 10s */
  renewDeadlineMs: number;
  /** RETRY_PERIOD; default 2s */
  retryPeriodMs: number;
  /** CONCURRENT_RECONCILES; default 10 */
  concurrentReconciles: number;
  /** RECONCILE_TIMEOUT; default 2m */
  reconcileTimeoutMs: number;
  /** WAITING_NOTICE_AFTER; default 10s */
  waitingNoticeAfterMs: number;
  /** RECORD_EVENTS; default true. Each event is a write. */
  recordEvents: boolean;
  /**
   * NETWORK_POLICY, default true; false: absent here, and others see to what the pods of runs may connect to.
   * `open`: NETWORK_POLICY_OPEN, separated by commas, each `CIDR:PORT` or `NAMESPACE:PORT`; default none.
   */
  networkPolicy?: { open: EgressDestination[] };
  /** LOG_LEVEL; default info */
  logLevel: string;
  /** TELEMETRY_ENDPOINT; absent: no telemetry */
  telemetryEndpoint?: string;
  /** POD_TEMPLATE: path of a YAML file. */
  podTemplate?: string;
  /** WORKSPACE_ACCESS_MODE: of workspaces whose run does not say; default ReadWriteOnce */
  workspaceAccessMode: AccessMode;
  /** POD_GRACE_PERIOD, at most 90s; default 90s. With less an agent may be killed before its work is kept. */
  gracePeriodMs: number;
  /** KUBECONFIG; absent: the pod's own account, else `~/.kube/config` */
  kubeconfig?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

const text = z.string("must be set");
const path = z.string().optional();
const url = z.url({ protocol: /^https?$/, error: "must be an http or https URL" });
const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "must be the name of a Kubernetes object");
const namespace = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be the name of a namespace");
const flag = z.enum(["true", "false"], "must be true or false").transform((value) => value === "true");
const cidrSchema = z.union([z.cidrv4(), z.cidrv6()]);
const duration = z
  .string()
  .transform(durationMs)
  .refine((value) => value > 0, "must be a duration above 0 such as 500ms, 15s or 1m30s");

function integer(min: number, max: number): z.ZodType<number> {
  const message = `must be a whole number of ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** The words between the commas of a list. */
function entries(list: string): string[] {
  return list === "" ? [] : list.split(",").map((entry) => entry.trim());
}

const destinationForm =
  /^(?:(?<cidr>[\da-fA-F.:]+\/\d{1,3})|(?<namespace>[a-z\d](?:[-a-z\d]{0,61}[a-z\d])?)):(?<port>\d{1,5})$/;

const egressDestination = z.string().transform((entry, context): EgressDestination => {
  const { cidr, namespace, port: digits } = destinationForm.exec(entry)?.groups ?? {};
  const port = Number(digits);
  if (port >= 1 && port <= 65_535) {
    if (cidr !== undefined && cidrSchema.safeParse(cidr).success) return { type: "addresses", cidr, port };
    if (namespace !== undefined) return { type: "namespace", namespace, port };
  }
  context.addIssue("must list CIDR:PORT or NAMESPACE:PORT, such as 10.20.0.0/16:443 or git:8443");
  return z.NEVER;
});

/** The variables by name; an empty one counts as absent. */
const environment = z.object({
  WATCH_NAMESPACES: z.string().transform(entries).pipe(z.array(namespace)).optional(),
  AGENT_IMAGE: text,
  MODEL_BASE_URL: url.default("https://api.anthropic.com"),
  MODEL_SECRET_NAME: objectName.default("orchestrator-model"),
  KEEP_WORK: flag.default(true),
  CA_BUNDLE: path,
  METRICS_PORT: integer(0, 65_535).default(8080),
  HEALTH_PORT: integer(0, 65_535).default(8081),
  LEADER_ELECTION: flag.default(true),
  NETWORK_POLICY: flag.default(true),
  NETWORK_POLICY_OPEN: z.string().default("").transform(entries).pipe(z.array(egressDestination)),
  LEASE_NAMESPACE: namespace.optional(),
  LEASE_DURATION: duration.default(15_000),
  RENEW_DEADLINE: duration.default(10_000),
  RETRY_PERIOD: duration.default(2_000),
  CONCURRENT_RECONCILES: integer(1, 1000).default(10),
  RECONCILE_TIMEOUT: duration.default(120_000),
  WAITING_NOTICE_AFTER: duration.default(10_000),
  RECORD_EVENTS: flag.default(true),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(", ")}`).default("info"),
  TELEMETRY_ENDPOINT: url.optional(),
  POD_TEMPLATE: path,
  WORKSPACE_ACCESS_MODE: z
    .enum(accessMode.options, `must be one of ${accessMode.options.join(", ")}`)
    .default("ReadWriteOnce"),
  POD_GRACE_PERIOD: duration
    .refine((value) => value <= gracePeriodMs, "must be a duration of at most 90s")
    .default(gracePeriodMs),
  KUBECONFIG: path,
});

/** The variables that are read. */
export const settingNames: readonly string[] = Object.keys(environment.shape);

/** @throws InvalidConfig naming the variable and what is allowed. */
export function readOperatorSettings(env: Environment): OperatorSettings {
  const given = Object.fromEntries(settingNames.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
  const parsed = environment.safeParse(given);
  if (!parsed.success) throw invalid(parsed.error);
  const settings = fromEnvironment(parsed.data);
  checkLeaseTimes(settings);
  return settings;
}

function fromEnvironment(values: z.infer<typeof environment>): OperatorSettings {
  return {
    agentImage: values.AGENT_IMAGE,
    modelBaseUrl: values.MODEL_BASE_URL,
    modelSecretName: values.MODEL_SECRET_NAME,
    keepWork: values.KEEP_WORK,
    metricsPort: values.METRICS_PORT,
    healthPort: values.HEALTH_PORT,
    leaderElection: values.LEADER_ELECTION,
    leaseDurationMs: values.LEASE_DURATION,
    renewDeadlineMs: values.RENEW_DEADLINE,
    retryPeriodMs: values.RETRY_PERIOD,
    concurrentReconciles: values.CONCURRENT_RECONCILES,
    gracePeriodMs: values.POD_GRACE_PERIOD,
    reconcileTimeoutMs: values.RECONCILE_TIMEOUT,
    waitingNoticeAfterMs: values.WAITING_NOTICE_AFTER,
    recordEvents: values.RECORD_EVENTS,
    logLevel: values.LOG_LEVEL,
    workspaceAccessMode: values.WORKSPACE_ACCESS_MODE,
    ...defined({
      watchNamespaces: values.WATCH_NAMESPACES,
      caBundle: values.CA_BUNDLE,
      leaseNamespace: values.LEASE_NAMESPACE,
      telemetryEndpoint: values.TELEMETRY_ENDPOINT,
      podTemplate: values.POD_TEMPLATE,
      kubeconfig: values.KUBECONFIG,
      networkPolicy: values.NETWORK_POLICY ? { open: values.NETWORK_POLICY_OPEN } : undefined,
    }),
  };
}

/** A lease must outlast the tries to renew it, or two processes hold it at once. */
function checkLeaseTimes({ leaseDurationMs, renewDeadlineMs, retryPeriodMs }: OperatorSettings): void {
  if (leaseDurationMs <= renewDeadlineMs) throw badVariable("LEASE_DURATION", "must be longer than RENEW_DEADLINE");
  if (renewDeadlineMs <= retryPeriodMs * 1.2) {
    throw badVariable("RENEW_DEADLINE", "must be longer than 1.2 times RETRY_PERIOD");
  }
}

function invalid(error: z.ZodError): InvalidConfig {
  const [issue] = error.issues;
  return badVariable(String(issue?.path[0]), issue?.message ?? "is not valid");
}

function badVariable(field: string, cure: string): InvalidConfig {
  return InvalidConfig.field({ object: "the environment", field, cure });
}
