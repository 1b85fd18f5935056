import type { JobType } from "../job-type/job-type.ts";
import type { SettingsConfig, SettingsRun } from "./settings-run.ts";

type Environment = Record<string, string>;

/** Without these the agent looks up hosts outside the pod, updates itself, and outlives its own answer. */
const base: Environment = {
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
};

/** An implementation runs builds and tests; a docs session only looks around. Milliseconds. */
const perKind: Readonly<Record<JobType["type"], Environment>> = {
  docs_generation: { BASH_DEFAULT_TIMEOUT_MS: "120000" },
  task_implementation: { BASH_DEFAULT_TIMEOUT_MS: "300000", BASH_MAX_TIMEOUT_MS: "1800000" },
};

/** The agent's environment, beyond what the runner starts it with. Holds no secret: settings lie in a ConfigMap. */
export function buildEnvironment(
  jobType: Pick<JobType, "type">,
  run: SettingsRun,
  config: SettingsConfig,
): Environment {
  return { ...base, ...perKind[jobType.type], ...telemetry(run, config.telemetryEndpoint) };
}

function telemetry(run: SettingsRun, endpoint: string | undefined): Environment {
  if (endpoint === undefined) return {};
  const { name, namespace } = run.metadata;
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: "1",
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_RESOURCE_ATTRIBUTES: `k8s.namespace.name=${namespace},orchestrator.run.kind=${run.kind},orchestrator.run.name=${name}`,
  };
}
