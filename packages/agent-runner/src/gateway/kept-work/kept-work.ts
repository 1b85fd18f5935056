import type { RunInputs, Usage } from "@orchestrator/core/pure";
import type { Logger } from "pino";
import { z } from "zod";
import { keptPlace, upstreamName } from "../../steps/upstream.ts";
import { GitFailed } from "../git/git.ts";
import { gitWords } from "../git/remote-failure.ts";
import { checkChanges } from "../judge/check-changes.ts";
import { secretKind } from "../judge/find-secrets.ts";
import { secretsInCommits } from "../judge/judge.ts";
import type { Ledger } from "../ledger.ts";
import type { Mirror } from "../mirror/mirror.ts";
import { RunFailure } from "../../steps/run-failure.ts";
import {
  indexFile,
  type KeptLedger,
  keptLedger,
  ledgerFile,
  type Transcript,
  transcript,
  transcriptFile,
  transcriptIndex,
  transcriptText,
} from "./kept-content.ts";
import { whereToGoOn } from "./where-to-go-on.ts";

/** What the agent's container hands in while it works, and when it ends without delivering. */
export const handIn = z.strictObject({ commit: z.string(), transcripts: z.array(transcript).max(1000) });
export type HandIn = z.infer<typeof handIn>;
export interface HandInAnswer {
  stored: boolean;
  why?: string;
}

/** What an attempt goes on from. */
export type Resume =
  | { state: "none" }
  | {
      state: "found";
      /** Fetchable from the mirror. */
      commit: string;
      /** In which round it was kept. */
      round: number;
      transcripts: Transcript[];
    };

export interface KeptWorkOptions {
  inputs: RunInputs;
  mirror: Mirror;
  ledger: Ledger;
  /** Credentials that must not be kept in the repository. */
  secrets: { inWork: readonly string[]; inTranscripts: readonly string[] };
  logger: Logger;
}

/**
 * Work in progress, sessions and the account of a round, kept under a ref of the run's own in its repository or in the
 * service's workspace. The ref is first written when there is something to keep. Once all is delivered it goes, unless a
 * later round may continue the session.
 */
export class KeptWork {
  readonly #options: KeptWorkOptions;
  #isKept = false;
  #whyNot: string | undefined;

  constructor(options: KeptWorkOptions) {
    this.#options = options;
  }

  /** Whether something of this round is kept. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Why what was to be kept last is not kept, or not all of it. */
  get whyNot(): string | undefined {
    return this.#whyNot;
  }

  /** Looks at what is kept already. Resolves to what the round has used, as far as it is written down there. */
  async open(signal: AbortSignal): Promise<Usage | undefined> {
    const ledger = await this.#keptLedger(signal);
    this.#isKept = ledger?.round === this.#options.inputs.round;
    return this.#isKept ? ledger?.usage : undefined;
  }

  /**
   * What this attempt is to go on from.
   *
   * @throws RunFailure PushRejected where a person has moved the branch away from what is kept
   */
  async resume(signal: AbortSignal): Promise<Resume> {
    const { mirror, inputs } = this.#options;
    const kept = await mirror.keptCommit(signal);
    const ledger = await this.#keptLedger(signal);
    const work = await mirror.workCommit(signal);
    if (!inputs.keepWork || inputs.resume === undefined) return { state: "none" };
    if (kept === undefined || ledger === undefined || work === undefined) return { state: "none" };
    const found = { commit: await this.#startOf(work, signal), round: ledger.round };
    return { state: "found", ...found, transcripts: await this.#transcripts(kept, signal) };
  }

  /** Checks what was handed in and keeps it in the repository. */
  async store(request: HandIn, signal: AbortSignal): Promise<HandInAnswer> {
    try {
      const answer = await this.#store(request, signal);
      this.#options.logger.info({ commit: request.commit, ...answer }, "Work was handed in");
      return answer;
    } catch (error) {
      const why = whyNot(error);
      if (why === undefined) throw error;
      this.#whyNot = why;
      this.#options.logger.warn({ reason: why }, "Work that was handed in cannot be kept");
      return { stored: false, why };
    }
  }

  /** Everything is delivered as `commit`: no work is left to keep, but a session that a later round may continue. */
  async settle(commit: string, signal: AbortSignal): Promise<void> {
    try {
      await (this.#options.inputs.kind === "TaskImplementationRun" ? this.#rest(commit, signal) : this.#drop(signal));
    } catch (error) {
      // The delivery stands: a ref that is left as it was harms nobody.
      const why = whyNot(error) ?? String(error);
      this.#options.logger.warn({ reason: why }, "What is kept could not be brought up to the delivery");
    }
  }

  async #drop(signal: AbortSignal): Promise<void> {
    if (!this.#isKept) return;
    await this.#options.mirror.keepUpstream(undefined, signal);
    this.#isKept = false;
  }

  /** The sessions lie on top of what was delivered, so that the next round goes on from the branch as it is then. */
  async #rest(commit: string, signal: AbortSignal): Promise<void> {
    const kept = await this.#options.mirror.keptCommit(signal);
    if (kept !== undefined) await this.#keep(commit, await this.#transcripts(kept, signal), signal);
  }

  async #store({ commit, transcripts }: HandIn, signal: AbortSignal): Promise<HandInAnswer> {
    const { mirror, inputs } = this.#options;
    if (!inputs.keepWork) throw new RunFailure("DeliveryRefused", turnedOff);
    if ((await mirror.workCommit(signal)) !== commit) return { stored: false, why: `${commit} was not pushed` };
    await this.#checkWork(commit, signal);
    const { clean, why } = this.#withoutSecrets(transcripts);
    const before = (await mirror.startCommit(signal)) ?? (await mirror.baseCommit(signal));
    if (commit === before && clean.length === 0) return { stored: false, why: why ?? "there is nothing to keep yet" };
    await this.#keep(commit, clean, signal);
    this.#whyNot = why;
    return { stored: true, ...(why !== undefined && { why }) };
  }

  async #keep(work: string, transcripts: readonly Transcript[], signal: AbortSignal): Promise<void> {
    const { mirror, inputs, ledger } = this.#options;
    const account: KeptLedger = {
      version: 1,
      round: inputs.round,
      attempt: inputs.attempt,
      usage: ledger.roundUsage,
    };
    const files = {
      [ledgerFile]: JSON.stringify(account),
      [indexFile]: JSON.stringify(transcripts.map(({ sessionId, path }) => ({ sessionId, path }))),
      ...Object.fromEntries(
        transcripts.map(({ sessionId, gzipBase64 }) => [transcriptFile(sessionId), Buffer.from(gzipBase64, "base64")]),
      ),
    };
    await mirror.keepUpstream(await mirror.commitFiles(files, work, signal), signal);
    this.#isKept = true;
  }

  /** @throws RunFailure DeliveryRefused */
  async #checkWork(commit: string, signal: AbortSignal): Promise<void> {
    const { mirror, inputs, secrets } = this.#options;
    const baseCommit = await mirror.baseCommit(signal);
    const range = { mirror, baseCommit, commit, secrets: secrets.inWork };
    const findings = await secretsInCommits(range, signal);
    checkChanges(inputs, await mirror.changes(baseCommit, commit, signal), findings);
  }

  /** A session whose transcript holds a secret is not kept: the next attempt begins another on the same work. */
  #withoutSecrets(transcripts: readonly Transcript[]): { clean: Transcript[]; why?: string } {
    const { inTranscripts } = this.#options.secrets;
    const findings = transcripts.map((one) => secretKind(transcriptText(one), inTranscripts));
    const clean = transcripts.filter((_one, index) => findings[index] === undefined);
    const index = findings.findIndex((finding) => finding !== undefined);
    if (index < 0) return { clean };
    return { clean, why: `the transcript of session ${transcripts[index]?.sessionId} holds ${findings[index]}` };
  }

  async #startOf(work: string, signal: AbortSignal): Promise<string> {
    const { mirror, inputs } = this.#options;
    const head = (await mirror.startCommit(signal)) ?? (await mirror.baseCommit(signal));
    const missing = await mirror.origins(work, head, signal);
    const from = whereToGoOn({
      headHoldsWork: await mirror.descends(head, work, signal),
      workHoldsHead: missing.length === 0,
      ownSince: missing.some(({ runUid }) => runUid === inputs.uid),
    });
    if (from === "moved") {
      const text = `branch ${inputs.branch} in ${upstreamName(inputs)} holds commits that are not from this run, and is not overwritten; the run's own work is kept ${keptPlace(inputs)} in ${mirror.upstreamKeptRef}: merge or remove one of them, then apply the run again under a new name`;
      throw new RunFailure("PushRejected", text);
    }
    return from === "branch" ? head : work;
  }

  async #keptLedger(signal: AbortSignal): Promise<KeptLedger | undefined> {
    const kept = await this.#options.mirror.keptCommit(signal);
    if (kept === undefined) return undefined;
    const file = (await this.#options.mirror.readFiles(kept, [ledgerFile], signal)).get(ledgerFile);
    return parsed(keptLedger, file);
  }

  async #transcripts(kept: string, signal: AbortSignal): Promise<Transcript[]> {
    const { mirror } = this.#options;
    const index = (await mirror.readFiles(kept, [indexFile], signal)).get(indexFile);
    const known = parsed(transcriptIndex, index) ?? [];
    const paths = known.map(({ sessionId }) => transcriptFile(sessionId));
    const files = await mirror.readFiles(kept, paths, signal);
    return known.flatMap((entry) => {
      const content = files.get(transcriptFile(entry.sessionId));
      return content === undefined ? [] : [{ ...entry, gzipBase64: content.toString("base64") }];
    });
  }
}

const turnedOff = "the operator's setting KEEP_WORK is false";

function parsed<T>(schema: z.ZodType<T>, file: Buffer | undefined): T | undefined {
  if (file === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(file.toString("utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Why work could not be kept; undefined for defects. */
function whyNot(error: unknown): string | undefined {
  if (error instanceof RunFailure) return error.verdict.message;
  if (error instanceof GitFailed) return gitWords(error.stderr);
  return undefined;
}
