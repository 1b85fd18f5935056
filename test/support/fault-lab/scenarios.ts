import type { GatewayMessage, Phase, Reason, RunStatus } from "@orchestrator/core";
import { reasons } from "@orchestrator/core";
import {
  gatewayBlocked,
  type PodEnd,
  podDisrupted,
  podEnded,
  preparationFailed,
  unschedulable,
} from "../pod-states.ts";
import { deliveredBy, usageOf } from "../run-reports.ts";
import type { Actor } from "./actor.ts";
import type { KindName } from "./kind.ts";
import type { Scenario } from "./scenario.ts";

/** How an attempt comes to end with a reason. */
interface Blow {
  strike: (actor: Actor, attempt: number) => Promise<void>;
  spec?: Record<string, unknown>;
  noPods?: true;
  slow?: true;
}

const both = ["docs", "implementation"] as const;
const backoff = { initial: "1s", max: "1s" };
const oneRetry = { maxInfrastructureRetries: 1, maxAgentRetries: 1, backoff };

/** Every reason, by the sign that shows it. */
const blows: Readonly<Record<Reason, Blow>> = {
  Delivered: working(deliveredBy(1)),
  UpToDate: working({ delivery: { outcome: "UpToDate" } }),
  ImagePullFailed: { strike: (actor, attempt) => actor.report(attempt, gatewayBlocked("InvalidImageName")) },
  Unschedulable: {
    spec: { pendingTimeout: "3s" },
    strike: (actor, attempt) => actor.report(attempt, unschedulable()),
    slow: true,
  },
  PodNotCreated: { spec: { pendingTimeout: "3s" }, strike: async () => {}, noPods: true, slow: true },
  PodEvicted: disrupted("EvictionByEvictionAPI"),
  Preempted: disrupted("PreemptionByScheduler"),
  NodeLost: disrupted("DeletionByTaintManager"),
  PodDeleted: {
    slow: true,
    async strike(actor, attempt) {
      await actor.start(attempt);
      await actor.deletePod(attempt);
    },
  },
  JobDeleted: {
    async strike(actor, attempt) {
      await actor.start(attempt);
      await actor.deleteJob(attempt);
    },
  },
  RepositoryUnreachable: preparing("RepositoryUnreachable"),
  ForgeUnavailable: gatewaySays("ForgeUnavailable"),
  RateLimited: gatewaySays("RateLimited", { retryAfterSeconds: 1 }),
  ModelOverloaded: gatewaySays("ModelOverloaded", { retryAfterSeconds: 1 }),
  AgentError: agentSays("AgentError"),
  AgentTimedOut: agentSays("AgentTimedOut"),
  Stalled: agentSays("Stalled"),
  MaxTurnsReached: agentSays("MaxTurnsReached"),
  NoResult: agentSays("NoResult"),
  IncompleteDocs: working({ delivery: { outcome: "IncompleteDocs" } }),
  NothingDelivered: working({ delivery: { outcome: "NothingDelivered" } }),
  VerificationFailed: agentSays("VerificationFailed"),
  OutOfMemory: {
    strike: (actor, attempt) => actor.work(attempt, { gateway: gateway({}), exitCode: 137, because: "OOMKilled" }),
  },
  InvalidInput: preparing("InvalidInput"),
  BranchNotFound: preparing("BranchNotFound"),
  RepositoryAuthFailed: preparing("RepositoryAuthFailed"),
  ModelAuthFailed: gatewaySays("ModelAuthFailed"),
  SettingsRejected: agentSays("SettingsRejected"),
  MissingSecret: preparing("MissingSecret"),
  ContainerConfigError: {
    strike: (actor, attempt) => actor.report(attempt, gatewayBlocked("CreateContainerConfigError")),
  },
  AgentMissing: agentSays("AgentMissing"),
  NameConflict: {
    spec: { suspend: true },
    async strike(actor) {
      await actor.status("to be held", ({ phase }) => phase === "Suspended");
      await actor.takeName();
      await actor.edit({ suspend: false });
    },
  },
  PushRejected: gatewaySays("PushRejected"),
  DeliveryRefused: gatewaySays("DeliveryRefused"),
  BudgetExceeded: gatewaySays("BudgetExceeded"),
  DeadlineExceeded: {
    spec: { deadline: "12s" },
    slow: true,
    async strike(actor, attempt) {
      await actor.start(attempt);
      await actor.toldToEnd(attempt);
      await actor.report(attempt, toldToEnd());
    },
  },
  Cancelled: {
    async strike(actor, attempt) {
      await actor.start(attempt);
      await actor.edit({ cancel: true });
      await actor.toldToEnd(attempt);
      await actor.report(attempt, toldToEnd());
    },
  },
};

/** What people do to a run beside letting it end. */
const steered: readonly Scenario[] = [
  {
    name: "suspended before its first attempt",
    kinds: both,
    spec: { suspend: true },
    async play(actor) {
      await actor.status("to be held", ({ phase }) => phase === "Suspended");
      await actor.edit({ suspend: false });
      await blows.Delivered.strike(actor, 1);
    },
    end: ended("Succeeded", "Delivered"),
  },
  {
    name: "suspended while it works, and evicted",
    kinds: both,
    spec: { retryConfig: oneRetry },
    async play(actor) {
      await actor.start(1);
      await actor.edit({ suspend: true });
      await actor.report(1, podDisrupted("EvictionByEvictionAPI", gateway({ resumable: true })));
      await actor.status("to be held", ({ phase }) => phase === "Suspended");
      await actor.edit({ suspend: false });
      await blows.Delivered.strike(actor, 2);
    },
    end: ended("Succeeded", "Delivered"),
  },
  {
    name: "cancelled before its first attempt",
    kinds: both,
    spec: { suspend: true },
    async play(actor) {
      await actor.status("to be held", ({ phase }) => phase === "Suspended");
      await actor.edit({ cancel: true });
    },
    end: ended("Cancelled", "Cancelled"),
  },
  {
    name: "cancelled between two attempts",
    kinds: both,
    spec: { retryConfig: { ...oneRetry, backoff: { initial: "10m", max: "10m" } } },
    async play(actor) {
      await blows.RepositoryUnreachable.strike(actor, 1);
      await actor.status("to wait", ({ phase }) => phase === "Retrying");
      await actor.edit({ cancel: true });
    },
    end: ended("Cancelled", "Cancelled"),
  },
  {
    name: "asked for a new round after its end",
    kinds: ["implementation"],
    spec: {},
    async play(actor) {
      await blows.Delivered.strike(actor, 1);
      await actor.status("to end", ({ phase }) => phase === "Succeeded");
      await actor.edit({ contextVersion: 2, followUp: "More of it." });
      await actor.status("to begin its second round", inRound(2));
      await blows.Delivered.strike(actor, 2);
    },
    end: ended("Succeeded", "Delivered", 2),
  },
  {
    name: "asked for a new round while it works",
    kinds: ["implementation"],
    spec: {},
    async play(actor) {
      await actor.start(1);
      await actor.edit({ contextVersion: 2, followUp: "More of it." });
      await actor.report(1, podEnded({ gateway: gateway({}), exitCode: 1 }));
      await actor.status("to begin its second round", inRound(2));
      await blows.Delivered.strike(actor, 2);
    },
    end: ended("Succeeded", "Delivered", 2),
  },
  {
    name: "deleted when its retention is over",
    kinds: both,
    spec: { retention: { succeeded: "1s" } },
    play: (actor) => blows.Delivered.strike(actor, 1),
    end: { type: "deleted" },
  },
];

/** Every reason, every steering, with the kinds that it can befall. */
export const scenarios: readonly Scenario[] = [...(Object.keys(reasons) as Reason[]).map(scenarioOf), ...steered];

/** The scenario's name with each kind that it can befall. */
export function allLives(): { scenario: Scenario; kind: KindName }[] {
  return scenarios.flatMap((scenario) => scenario.kinds.map((kind) => ({ scenario, kind })));
}

function scenarioOf(reason: Reason): Scenario {
  const { spec, strike, noPods, slow } = blows[reason];
  const plan = { name: reason, kinds: both, ...(noPods && { noPods }), ...(slow && { slow }) };
  switch (reasons[reason]) {
    case "infrastructure":
    case "agent":
      return {
        ...plan,
        spec: { retryConfig: oneRetry, ...spec },
        async play(actor) {
          await strike(actor, 1);
          await actor.status("to wait for its second attempt", afterAttempt);
          await strike(actor, 2);
        },
        end: ended("Failed", reason),
      };
    case "provider":
      return {
        ...plan,
        spec: { ...spec },
        async play(actor) {
          await strike(actor, 1);
          await blows.Delivered.strike(actor, 2);
        },
        end: ended("Succeeded", "Delivered"),
      };
    case "success":
    case "configuration":
    case "limit":
    case "choice":
      return { ...plan, spec: { ...spec }, play: (actor) => strike(actor, 1), end: ended(phaseOf(reason), reason) };
  }
}

function phaseOf(reason: Reason): Phase {
  if (reasons[reason] === "success") return "Succeeded";
  return reasons[reason] === "choice" ? "Cancelled" : "Failed";
}

function ended(phase: Phase, reason: Reason, round = 1): Scenario["end"] {
  return { type: "ended", phase, reason, round };
}

function afterAttempt({ attempts = [] }: RunStatus): boolean {
  return attempts.some(({ outcome }) => outcome !== "Running");
}

function inRound(round: number): (status: RunStatus) => boolean {
  return (status) => status.round === round;
}

function gateway(told: Partial<GatewayMessage>): GatewayMessage {
  return { version: 1, usage: usageOf(1), ...told };
}

function verdict(reason: Reason) {
  return { reason, message: `the test says ${reason}` };
}

function working(told: Partial<GatewayMessage>): Blow {
  return { strike: (actor, attempt) => actor.work(attempt, { gateway: gateway(told) }) };
}

function gatewaySays(reason: Reason, told: Partial<GatewayMessage> = {}): Blow {
  const end: PodEnd = { gateway: gateway({ verdict: verdict(reason), resumable: true, ...told }), exitCode: 1 };
  return { strike: (actor, attempt) => actor.work(attempt, end) };
}

function agentSays(reason: Reason): Blow {
  const end: PodEnd = { gateway: gateway({}), agent: { version: 1, verdict: verdict(reason) }, exitCode: 1 };
  return { strike: (actor, attempt) => actor.work(attempt, end) };
}

function preparing(reason: Reason): Blow {
  const message = { version: 1, verdict: verdict(reason) } as const;
  return { strike: (actor, attempt) => actor.report(attempt, preparationFailed(message)) };
}

function disrupted(reason: string): Blow {
  return {
    async strike(actor, attempt) {
      await actor.start(attempt);
      await actor.report(attempt, podDisrupted(reason, gateway({ resumable: true })));
    },
  };
}

function toldToEnd(): Record<string, unknown> {
  return podEnded({ gateway: gateway({}), exitCode: 143, status: { reason: "DeadlineExceeded" } });
}
