import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  addUsd,
  costUsd,
  delivery,
  usage,
  verdict,
  type Delivery,
  type Usage,
  type Verdict,
} from "@orchestrator/core/pure";
import { z } from "zod";
import type { ModelAnswer } from "./model/model-proxy.ts";
import type { ProviderError } from "./model/provider-error.ts";
import { replaceFile } from "./replace-file.ts";
import { addUsage, noUsage } from "./usage-sum.ts";

const providerError = z.object({ status: z.int(), message: z.string(), retryAfterSeconds: z.int().optional() });

const entries = z.object({
  usage,
  /** Of the round before this attempt; kept once it is known, for the account in the repository goes on growing. */
  before: usage.optional(),
  /** Some answer came from a model without a known price: the cost is unknown from then on. */
  unpriced: z.boolean(),
  model: z.string().optional(),
  /** Newest last: errors that no later success of the same session has made good. */
  providerErrors: z.array(z.object({ session: z.string(), error: providerError })),
  /** The delivery of `commit`, to be told again when it is asked for again. */
  delivered: z.object({ commit: z.string(), delivery }).optional(),
  /** What has gone upstream on the run's branch last. */
  pushed: z.string().optional(),
  /** Why a model was refused that the agent asked for. */
  refused: verdict.optional(),
});
type Entries = z.infer<typeof entries>;

const keptErrors = 64;

/** What the run has used and delivered, kept on the gateway's own volume, so that a restarted gateway goes on counting. */
export class Ledger {
  readonly #file: string;
  readonly #entries: Entries;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, content: Entries) {
    this.#file = file;
    this.#entries = content;
  }

  /** Reads the ledger below `directory`, or begins an empty one. */
  static async open(directory: string): Promise<Ledger> {
    const file = join(directory, "ledger.json");
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return new Ledger(file, text === undefined ? emptyEntries() : entries.parse(JSON.parse(text)));
  }

  get usage(): Usage {
    const { costUsd: cost, ...counts } = this.#entries.usage;
    return this.#entries.unpriced || cost === undefined ? counts : { ...counts, costUsd: cost };
  }

  /** Of the round, this attempt included. */
  get roundUsage(): Usage {
    return addUsage(this.#entries.before ?? noUsage(), this.usage);
  }

  /** The model id that the provider answered with last. */
  get model(): string | undefined {
    return this.#entries.model;
  }

  get lastProviderError(): ProviderError | undefined {
    return this.#entries.providerErrors.at(-1)?.error;
  }

  get refused(): Verdict | undefined {
    return this.#entries.refused;
  }

  /** The commit that has gone upstream on the run's branch last. */
  get pushed(): string | undefined {
    return this.#entries.pushed;
  }

  get delivered(): { commit: string; delivery: Delivery } | undefined {
    return this.#entries.delivered;
  }

  /** Takes over what the round had used before this attempt, unless that is known already. */
  begin(before: Usage): void {
    this.#entries.before ??= before;
    this.#save();
  }

  /** Adds what one answer of the provider cost, and remembers or forgets its session's error. */
  record(answer: ModelAnswer): void {
    const { usage: used, error, session } = answer;
    if (used !== undefined) this.#count(used);
    if (error !== undefined || used?.complete === true) this.#forget(session);
    if (error !== undefined)
      this.#entries.providerErrors = [...this.#entries.providerErrors, { session, error }].slice(-keptErrors);
    this.#save();
  }

  recordDelivery(commit: string, told: Delivery): void {
    this.#entries.delivered = { commit, delivery: told };
    this.#save();
  }

  recordPush(commit: string): void {
    this.#entries.pushed = commit;
    this.#save();
  }

  recordRefusal(told: Verdict): void {
    this.#entries.refused = told;
    this.#save();
  }

  /** Resolves when everything recorded so far is on disk. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  #count(used: NonNullable<ModelAnswer["usage"]>): void {
    const total = this.#entries.usage;
    total.inputTokens += used.inputTokens;
    total.outputTokens += used.outputTokens;
    total.cacheReadTokens += used.cacheReadTokens;
    total.cacheCreationTokens += used.cacheCreationTokens;
    total.turns += used.complete ? 1 : 0;
    if (used.model === undefined) return;
    this.#entries.model = used.model;
    const cost = costUsd(used, used.model);
    if (cost === undefined) this.#entries.unpriced = true;
    else total.costUsd = addUsd([total.costUsd ?? "0", cost]);
  }

  #forget(session: string): void {
    this.#entries.providerErrors = this.#entries.providerErrors.filter((known) => known.session !== session);
  }

  #save(): void {
    const write = async (): Promise<void> => await replaceFile(this.#file, JSON.stringify(this.#entries));
    this.#writing = this.#writing.then(write, write);
    // Whoever needs the ledger on disk waits for `saved`, and is told of a failure there.
    this.#writing.catch(() => {});
  }
}

function emptyEntries(): Entries {
  return {
    usage: noUsage(),
    unpriced: false,
    providerErrors: [],
  };
}
