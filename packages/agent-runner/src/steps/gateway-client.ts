import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Door, door, doorFile, verdict } from "@orchestrator/core/pure";
import { Agent } from "undici";
import { z } from "zod";
import { RunFailure } from "./run-failure.ts";
import { readOptional } from "./optional-file.ts";
import type { Paths } from "./paths.ts";
import { deliveryAnswer, type DeliveryAnswer } from "./step-files.ts";

const transcript = z.object({ sessionId: z.string(), path: z.string(), gzipBase64: z.string() });
/** A session's transcript: where it lies below the agent CLI's own folder, and what it holds. */
export type Transcript = z.infer<typeof transcript>;

const resume = z.discriminatedUnion("state", [
  z.object({ state: z.literal("none") }),
  z.object({
    state: z.literal("found"),
    /** The work as the attempt before left it. */
    commit: z.string(),
    /** In which round that was. */
    round: z.int(),
    transcripts: z.array(transcript),
  }),
]);
/** What an earlier attempt has left to go on from. */
export type Resume = z.infer<typeof resume>;

const handInAnswer = z.object({ stored: z.boolean(), why: z.string().optional() });
export type HandInAnswer = z.infer<typeof handInAnswer>;

const readiness = z.discriminatedUnion("state", [
  z.object({ state: z.literal("ready"), baseCommit: z.string(), delivered: z.literal(true).optional() }),
  z.object({ state: z.literal("failed"), verdict }),
]);

/** A gateway that restarts comes back within seconds, with another address and token. */
const patienceMs = 60_000;
const pauseMs = 250;

export interface GatewayClientOptions {
  paths: Pick<Paths, "door">;
  signal: AbortSignal;
  /** How long a gateway that does not answer is asked again, in milliseconds. Default: 60,000. */
  patienceMs?: number;
}

/** Waits until the gateway has written how to reach it. */
export async function openDoor({ paths, signal }: GatewayClientOptions): Promise<Door> {
  for (;;) {
    const text = await readOptional(join(paths.door, doorFile));
    if (text !== undefined) return door.parse(JSON.parse(text));
    await delay(pauseMs, undefined, { signal });
  }
}

/**
 * Waits until the gateway has the repository.
 *
 * @returns the commit that the work starts from, and whether all of it has been delivered by an earlier attempt
 * @throws RunFailure with the gateway's verdict where it cannot get the repository, or nothing can be gone on from
 */
export async function awaitRepository(
  options: GatewayClientOptions,
): Promise<{ baseCommit: string; delivered: boolean }> {
  const answer = await ask(options, { method: "GET", path: "/v1/ready", schema: readiness });
  if (answer.state === "failed") throw RunFailure.of(answer.verdict);
  return { baseCommit: answer.baseCommit, delivered: answer.delivered === true };
}

/** What the attempt is to go on from. */
export async function fetchResume(options: GatewayClientOptions): Promise<Resume> {
  return await ask(options, { method: "GET", path: "/v1/resume", schema: resume });
}

/** Asks the gateway to keep unfinished work that was pushed to it. */
export async function requestHandIn(
  options: GatewayClientOptions,
  body: { commit: string; transcripts: readonly Transcript[] },
): Promise<HandInAnswer> {
  return await ask(options, { method: "POST", path: "/v1/hand-in", body, schema: handInAnswer });
}

/** Asks the gateway to judge and deliver what was pushed to it. May be asked again. */
export async function requestDelivery(
  options: GatewayClientOptions,
  body: { title: string; body: string },
): Promise<DeliveryAnswer> {
  return await ask(options, { method: "POST", path: "/v1/delivery", body, schema: deliveryAnswer });
}

/** The gateway answered something else than what was asked for; its log says why. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly path: string;
  readonly status: number;

  constructor(path: string, status: number, options?: ErrorOptions) {
    super("The gateway failed", options);
    this.path = path;
    this.status = status;
  }
}

interface Question<T> {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
  schema: z.ZodType<T>;
}

async function ask<T>(options: GatewayClientOptions, question: Question<T>): Promise<T> {
  const attempts = Math.ceil((options.patienceMs ?? patienceMs) / pauseMs);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(options, question);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isConnectionError(error)) throw error;
      if (attempt >= attempts) {
        const message = "The pod's gateway does not answer. Look at the log of its container.";
        throw new RunFailure("RepositoryUnreachable", message, { cause: error });
      }
    }
    await delay(pauseMs, undefined, { signal: options.signal });
  }
}

async function askOnce<T>(options: GatewayClientOptions, { method, path, body, schema }: Question<T>): Promise<T> {
  const { address, token } = await openDoor(options);
  // The answer comes when the gateway is done, however long that takes.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  try {
    const response = await agent.request({
      origin: address,
      path,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: options.signal,
    });
    const answer = schema.safeParse(await response.body.json());
    if (!answer.success) throw new GatewayError(path, response.statusCode, { cause: answer.error });
    return answer.data;
  } finally {
    await agent.close();
  }
}

function isConnectionError(error: unknown): boolean {
  const codes = ["ECONNREFUSED", "ECONNRESET", "EPIPE", "UND_ERR_SOCKET"];
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}
