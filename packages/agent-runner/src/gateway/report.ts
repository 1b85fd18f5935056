import {
  defined,
  type Delivery,
  formatTaskRanges,
  type GatewayMessage,
  parseTaskRanges,
  reasons,
  terminationMessageLimit,
  type Usage,
  type Verdict,
} from "@orchestrator/core/pure";
import { isComplete } from "./deliver.ts";

/** What the gateway knows at the end of an attempt. */
export interface AttemptFacts {
  usage: Usage;
  roundUsage: Usage;
  model?: string | undefined;
  delivery?: Delivery | undefined;
  /** Why the repository could not be had; no agent ran then. */
  setupVerdict?: Verdict | undefined;
  /** What the provider's last error, not made good since, does to the run. */
  providerVerdict?: Verdict | undefined;
  /** How long the provider asked to wait with that. */
  retryAfterSeconds?: number | undefined;
  /** Why nothing more may be asked of the model in this round. */
  limitVerdict?: Verdict | undefined;
  /** Why the last delivery was refused. */
  deliveryVerdict?: Verdict | undefined;
  /** Whether something of the round is kept in the repository; absent while nobody can know. */
  kept?: boolean | undefined;
  /** What the attempt has put on the run's branch. */
  pushed?: { branch: string; commit: string } | undefined;
  /** Why what was to be kept is not kept. */
  notKept?: string | undefined;
}

/** The gateway's termination message: complete delivery speaks for itself, otherwise the first cause is told. */
export function gatewayReport(facts: AttemptFacts): GatewayMessage {
  const { usage, roundUsage, model, delivery, retryAfterSeconds, pushed, notKept } = facts;
  const complete = delivery !== undefined && isComplete(delivery);
  const causes = [facts.setupVerdict, facts.limitVerdict, facts.providerVerdict, facts.deliveryVerdict];
  const verdict = complete ? undefined : causes.find((cause) => cause !== undefined);
  const waits = verdict !== undefined && verdict === facts.providerVerdict && isWaitedFor(verdict);
  return {
    version: 1,
    usage,
    roundUsage,
    ...defined({
      verdict,
      delivery,
      result: delivery === undefined ? pushed : undefined,
      retryAfterSeconds: waits ? retryAfterSeconds : undefined,
      resumable: isResumable(facts, complete),
      pushedOnly: !complete && facts.kept === false && pushed !== undefined ? (true as const) : undefined,
      notKept: notKept?.slice(0, shortText),
      model,
    }),
  };
}

/** Undefined where nobody knows, or where nothing is left to be gone on from. */
function isResumable({ kept, pushed }: AttemptFacts, complete: boolean): boolean | undefined {
  if (complete) return kept === true ? true : undefined;
  return kept === undefined ? undefined : kept || pushed !== undefined;
}

function isWaitedFor({ reason }: Verdict): boolean {
  return reasons[reason] === "provider";
}

const shortText = 200;
const shortRange = 200;

/** From what is missed least to what is missed most. Counts of tasks are never lost. */
const cuts: readonly ((message: GatewayMessage) => GatewayMessage)[] = [
  (message) => cutTasks(message, "upToDate"),
  (message) => cutTasks(message, "delivered"),
  (message) => cutVerdict(message, 2 * shortText),
  (message) => cutTasks(message, "failed"),
  (message) => cutVerdict(message, shortText),
  withoutModel,
];

/** The message as JSON of at most 2,000 bytes: long texts are cut in a fixed order of importance. */
export function encodeReport(message: GatewayMessage): string {
  let current = message;
  for (const cut of cuts) {
    if (bytes(current) <= terminationMessageLimit) break;
    current = cut(current);
  }
  return JSON.stringify(current);
}

function bytes(message: GatewayMessage): number {
  return Buffer.byteLength(JSON.stringify(message));
}

function cutTasks(message: GatewayMessage, which: "delivered" | "upToDate" | "failed"): GatewayMessage {
  const tasks = message.delivery?.tasks;
  if (message.delivery === undefined || tasks === undefined) return message;
  const { ids } = parseTaskRanges(tasks[which]);
  const cut = { ...tasks, [which]: formatTaskRanges(ids, shortRange) };
  return { ...message, delivery: { ...message.delivery, tasks: cut } };
}

function cutVerdict(message: GatewayMessage, length: number): GatewayMessage {
  if (message.verdict === undefined || message.verdict.message.length <= length) return message;
  const text = `${message.verdict.message.slice(0, length - 1)}…`;
  return { ...message, verdict: { ...message.verdict, message: text } };
}

function withoutModel(message: GatewayMessage): GatewayMessage {
  const rest = { ...message };
  delete rest.model;
  return rest;
}
