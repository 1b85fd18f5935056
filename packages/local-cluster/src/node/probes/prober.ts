import { type Clock, sleep } from "@orchestrator/controller-runtime";
import type { Container, Probe } from "../pod.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { countResult, noResults } from "./probe-state.ts";
import { runProbe } from "./run-probe.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

/** Told of what the probes of a container have found. */
export interface ProbeListener {
  started(): void;
  ready(ready: boolean): void;
  /** The container is to be stopped. */
  condemned(probe: Probe): void;
  /** One probe has failed. */
  unhealthy(kind: ProbeKind, output: string): void;
}

/** Probes a running container until the signal aborts: for its start first, then for readiness and life. */
export async function probeContainer(options: {
  container: Container;
  sandbox: Sandbox;
  listener: ProbeListener;
  clock: Clock;
  signal: AbortSignal;
}): Promise<void> {
  const { container, listener } = options;
  const { startupProbe, livenessProbe, readinessProbe } = container;
  if (startupProbe && !(await awaitStart(startupProbe, options))) return;
  listener.started();
  if (!readinessProbe) listener.ready(true);
  await Promise.all([
    readinessProbe &&
      repeat("readiness", readinessProbe, options, (verdict) => {
        listener.ready(verdict === "passed");
        return "go on";
      }),
    livenessProbe &&
      repeat("liveness", livenessProbe, options, (verdict) => {
        if (verdict === "passed") return "go on";
        listener.condemned(livenessProbe);
        return "end";
      }),
  ]);
}

type ProbeOptions = Parameters<typeof probeContainer>[0];

async function awaitStart(probe: Probe, options: ProbeOptions): Promise<boolean> {
  let started = false;
  await repeat("startup", probe, options, (verdict) => {
    started = verdict === "passed";
    if (!started) options.listener.condemned(probe);
    return "end";
  });
  return started;
}

async function repeat(
  kind: ProbeKind,
  probe: Probe,
  { container, sandbox, listener, clock, signal }: ProbeOptions,
  onVerdict: (verdict: "passed" | "failed") => "go on" | "end",
): Promise<void> {
  let state = noResults;
  await sleep(clock, (probe.initialDelaySeconds ?? 0) * 1000, signal);
  for (;;) {
    const result = await runProbe(probe, { container, sandbox, signal });
    if (!result.succeeded) listener.unhealthy(kind, result.output);
    const counted = countResult(state, result.succeeded, probe);
    state = counted.state;
    if (counted.verdict !== "undecided" && onVerdict(counted.verdict) === "end") return;
    await sleep(clock, (probe.periodSeconds ?? 10) * 1000, signal);
  }
}
