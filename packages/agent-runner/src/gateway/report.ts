import {
  type Delivery,
  formatTaskRanges,
  type GatewayMessage,
  parseTaskRanges,
  terminationMessageLimit,
  type Usage,
  type Verdict,
} from "@orchestrator/core/pure";

/** What the gateway knows at the end of an attempt. */
export interface AttemptFacts {
  usage: Usage;
  model?: string;
  delivery?: Delivery;
  /** Why the repository could not be had; no agent ran then. */
  setupVerdict?: Verdict;
  /** What the provider's last error, not made good since, does to the run. */
  providerVerdict?: Verdict;
  /** Why the last delivery was refused. */
  deliveryVerdict?: Verdict;
}

/** The gateway's termination message: complete delivery speaks for itself, otherwise the first cause is told. */
export function gatewayReport(facts: AttemptFacts): GatewayMessage {
  const { usage, model, delivery } = facts;
  const complete = delivery?.outcome === "Delivered" || delivery?.outcome === "UpToDate";
  const verdict = complete ? undefined : (facts.setupVerdict ?? facts.providerVerdict ?? facts.deliveryVerdict);
  return {
    version: 1,
    ...(verdict === undefined ? {} : { verdict }),
    ...(delivery === undefined ? {} : { delivery }),
    usage,
    ...(model === undefined ? {} : { model }),
  };
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
