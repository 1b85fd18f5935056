import { describe, expect, it } from "vitest";
import { readOperatorSettings } from "./operator-settings.ts";

const required = { AGENT_IMAGE: "orchestrator/agent:dev" };

describe("an operator's settings", () => {
  it("have defaults for all but the image", () => {
    expect(readOperatorSettings(required)).toEqual({
      agentImage: "orchestrator/agent:dev",
      modelBaseUrl: "https://api.anthropic.com",
      modelSecretName: "orchestrator-model",
      keepWork: true,
      metricsPort: 8080,
      healthPort: 8081,
      leaderElection: true,
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
      concurrentReconciles: 10,
      reconcileTimeoutMs: 120_000,
      waitingNoticeAfterMs: 10_000,
      gracePeriodMs: 90_000,
      recordEvents: true,
      logLevel: "info",
      workspaceAccessMode: "ReadWriteOnce",
      networkPolicy: { open: [] },
    });
  });

  it("may open network policies to destinations, or leave them to others", () => {
    const open = "git:8443, 10.20.0.0/16:443,fd00::/64:9000";
    expect(readOperatorSettings({ ...required, NETWORK_POLICY_OPEN: open }).networkPolicy).toEqual({
      open: [
        { type: "namespace", namespace: "git", port: 8443 },
        { type: "addresses", cidr: "10.20.0.0/16", port: 443 },
        { type: "addresses", cidr: "fd00::/64", port: 9000 },
      ],
    });
    expect(readOperatorSettings({ ...required, NETWORK_POLICY: "false" }).networkPolicy).toBeUndefined();
  });

  it("are read from the environment, where an empty variable counts as absent", () => {
    expect(
      readOperatorSettings({
        ...required,
        WATCH_NAMESPACES: "team-a, team-b",
        LEADER_ELECTION: "false",
        RECORD_EVENTS: "false",
        LEASE_NAMESPACE: "system",
        METRICS_PORT: "0",
        WAITING_NOTICE_AFTER: "1h30m",
        TELEMETRY_ENDPOINT: "http://collector:4318",
        CA_BUNDLE: "/ca.crt",
        POD_TEMPLATE: "/pod.yaml",
        POD_GRACE_PERIOD: "20s",
        KUBECONFIG: "/config",
        LOG_LEVEL: "",
      }),
    ).toMatchObject({
      watchNamespaces: ["team-a", "team-b"],
      leaderElection: false,
      recordEvents: false,
      leaseNamespace: "system",
      metricsPort: 0,
      waitingNoticeAfterMs: 5_400_000,
      telemetryEndpoint: "http://collector:4318",
      caBundle: "/ca.crt",
      podTemplate: "/pod.yaml",
      gracePeriodMs: 20_000,
      kubeconfig: "/config",
      logLevel: "info",
    });
  });

  it.each([
    ["AGENT_IMAGE", "", "must be set"],
    ["WATCH_NAMESPACES", "team-a,Team B", "must be the name of a namespace"],
    ["MODEL_BASE_URL", "api.anthropic.com", "must be an http or https URL"],
    ["MODEL_BASE_URL", "ftp://api.anthropic.com", "must be an http or https URL"],
    ["MODEL_SECRET_NAME", "Model", "must be the name of a Kubernetes object"],
    ["METRICS_PORT", "70000", "must be a whole number of 0 to 65535"],
    ["HEALTH_PORT", "http", "must be a whole number of 0 to 65535"],
    ["CONCURRENT_RECONCILES", "0", "must be a whole number of 1 to 1000"],
    ["LEADER_ELECTION", "yes", "must be true or false"],
    ["LEASE_DURATION", "15", "must be a duration above 0"],
    ["LEASE_DURATION", "10s", "must be longer than RENEW_DEADLINE"],
    ["RENEW_DEADLINE", "2s", "must be longer than 1.2 times RETRY_PERIOD"],
    ["WAITING_NOTICE_AFTER", "0s", "must be a duration above 0"],
    ["POD_GRACE_PERIOD", "91s", "must be a duration of at most 90s"],
    ["LOG_LEVEL", "loud", "must be one of trace, debug, info, warn, error, fatal"],
    ["NETWORK_POLICY", "off", "must be true or false"],
    ["NETWORK_POLICY_OPEN", "git", "must list CIDR:PORT or NAMESPACE:PORT"],
    ["NETWORK_POLICY_OPEN", "git:8443,10.0.0.300/8:443", "must list CIDR:PORT or NAMESPACE:PORT"],
    ["NETWORK_POLICY_OPEN", "git:70000", "must list CIDR:PORT or NAMESPACE:PORT"],
    ["TELEMETRY_ENDPOINT", "collector:4318", "must be an http or https URL"],
  ])("name the variable and what is allowed: %s=%s", (variable, value, cure) => {
    const read = () => readOperatorSettings({ ...required, [variable]: value });
    expect(read).toThrow(`${variable} of the environment ${cure}`);
  });
});
