import type { Verb } from "./api-call.ts";

/** What goes wrong with one request. Times are milliseconds. */
export type Effect =
  /** The API server never hears of it, and a Status with this code is answered. */
  | { type: "refuse"; status: RefusedStatus; retryAfterSeconds?: number }
  /** The connection breaks before the API server hears of it, or when it has carried it out. */
  | { type: "drop"; when: "request" | "answer" }
  | { type: "delay"; milliseconds: number }
  /** The body ends in the middle; that of a watch in the middle of a line, after so many whole ones. */
  | { type: "cut"; afterLines: number }
  /** Each event of a watch comes twice. */
  | { type: "duplicate" }
  /** The events of a watch come late; joined, where of several states of one object only the last one comes. */
  | { type: "hold"; milliseconds: number; join: boolean }
  /** From this request on, everything is read as it was before it. */
  | { type: "lag"; milliseconds: number };

export const refusedStatuses = [401, 403, 409, 410, 429, 500, 503, 504] as const;
export type RefusedStatus = (typeof refusedStatuses)[number];

/** A fault befalls the `nth` request (from 1) of its verb and resource; `any` stands for all resources. */
export interface Fault {
  verb: Verb;
  resource: string;
  nth: number;
  effect: Effect;
}

/** On one line, for people. */
export function describeFault({ verb, resource, nth, effect }: Fault): string {
  const { type, ...how } = effect;
  const details = Object.entries(how).map(([name, value]) => `${name}=${value}`);
  return [`${verb} ${resource} #${nth}:`, type, ...details].join(" ");
}
