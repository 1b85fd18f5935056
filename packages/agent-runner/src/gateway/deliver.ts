import { type Delivery, formatTaskRanges, type RunInputs } from "@orchestrator/core/pure";
import type { Logger } from "pino";
import { keptPlace, staysInWorkspace } from "../steps/upstream.ts";
import type { GitHub } from "./forge/github.ts";
import { hasOwnCommit, type JudgeOptions, type Judgement, judge } from "./judge/judge.ts";
import type { KeptWork } from "./kept-work/kept-work.ts";
import type { Ledger } from "./ledger.ts";
import type { Mirror } from "./mirror/mirror.ts";
import { patiently } from "./patiently.ts";
import { RunFailure } from "../steps/run-failure.ts";

/** What the pull request is to say. */
export interface DeliveryRequest {
  title: string;
  body: string;
}

export interface DelivererOptions {
  inputs: RunInputs;
  mirror: Mirror;
  ledger: Ledger;
  keptWork: KeptWork;
  /** Absent: the branch is pushed, and no pull request opened. */
  forge?: GitHub;
  /** Credentials that must not be delivered. */
  secrets: readonly string[];
  /** Waits between tries to reach the repository. */
  retryDelaysMs: readonly number[];
  logger: Logger;
}

type Range = Pick<JudgeOptions, "baseCommit" | "startCommit" | "commit">;

/**
 * Hands in the run's branch: judges it, pushes it upstream, opens or adopts the pull request. Every step may be done
 * again, so a delivery that broke off anywhere is completed by asking again. Asked for one at a time.
 */
export class Deliverer {
  readonly #options: DelivererOptions;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /**
   * The same commit is answered the same way each time.
   *
   * @throws RunFailure naming why nothing, or not everything, could be delivered
   */
  async deliver(request: DeliveryRequest, signal: AbortSignal): Promise<Delivery> {
    const { ledger } = this.#options;
    const range = await this.#range(signal);
    if (ledger.delivered?.commit === range.commit) return ledger.delivered.delivery;
    return await this.#handIn(await this.#judge(range, signal), range, request, signal);
  }

  /**
   * Completes what an earlier attempt of this round has pushed, if that is all that was asked for: its pull request is
   * opened or adopted with the words of its commit. Undefined where an agent is needed.
   *
   * @throws RunFailure naming why it could not be delivered
   */
  async completeEarlier(signal: AbortSignal): Promise<Delivery | undefined> {
    const { inputs, mirror } = this.#options;
    const range = await this.#range(signal);
    if (!(await hasOwnCommit({ inputs, mirror, ...range }, signal))) return undefined;
    const judgement = await this.#judge(range, signal);
    if (judgement.outcome !== "Delivered") return undefined;
    const own = (await mirror.origins(range.baseCommit, range.commit, signal)).find(
      ({ runUid, round }) => runUid === inputs.uid && round === inputs.round,
    );
    const words = await mirror.message(own?.commit ?? range.commit, signal);
    return await this.#handIn(judgement, range, words, signal);
  }

  /** Whether an earlier attempt of this round has pushed some of the work. */
  async hasEarlier(signal: AbortSignal): Promise<boolean> {
    const { inputs, mirror } = this.#options;
    return await hasOwnCommit({ inputs, mirror, ...(await this.#range(signal)) }, signal);
  }

  async #range(signal: AbortSignal): Promise<Range> {
    const { mirror } = this.#options;
    const baseCommit = await mirror.baseCommit(signal);
    const commit = (await mirror.branchCommit(signal)) ?? baseCommit;
    return { baseCommit, startCommit: await mirror.startCommit(signal), commit };
  }

  async #judge(range: Range, signal: AbortSignal): Promise<Judgement> {
    const { inputs, mirror, secrets, logger } = this.#options;
    const judgement = await judge({ inputs, mirror, secrets, ...range }, signal);
    const { outcome, filesChanged } = judgement;
    logger.info({ commit: range.commit, outcome, filesChanged }, "Judged the run's branch");
    return judgement;
  }

  async #handIn(
    judgement: Judgement,
    { baseCommit, commit }: Range,
    request: DeliveryRequest,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const { inputs, ledger, keptWork } = this.#options;
    const pullRequest = judgement.worthDelivering ? await this.#publish(request, commit, signal) : {};
    const work = { branch: inputs.branch, commit, filesChanged: judgement.filesChanged, ...pullRequest };
    const delivery: Delivery = {
      outcome: judgement.outcome,
      result: { baseCommit, ...(judgement.worthDelivering ? work : {}) },
      ...taskRanges(judgement),
    };
    ledger.recordDelivery(commit, delivery);
    await ledger.saved();
    if (isComplete(delivery)) await keptWork.settle(commit, signal);
    return delivery;
  }

  async #publish(
    request: DeliveryRequest,
    commit: string,
    signal: AbortSignal,
  ): Promise<{ pullRequest?: { number: number; url: string } }> {
    const { inputs, forge, logger } = this.#options;
    await this.#push(commit, signal);
    logger.info({ branch: inputs.branch, commit }, "Pushed the run's branch");
    if (staysInWorkspace(inputs)) await this.#advanceBase(commit, signal);
    if (forge === undefined) return {};
    const wanted = { head: inputs.branch, base: inputs.repository.branch, commit, ...request };
    const pullRequest = await forge.openOrAdopt(wanted, signal);
    logger.info({ pullRequest }, "The pull request is there");
    return { pullRequest };
  }

  /** The next run of the service builds on this one. Where another has delivered since, the branch stays as it is. */
  async #advanceBase(commit: string, signal: AbortSignal): Promise<void> {
    const { inputs, mirror, logger } = this.#options;
    const { branch } = inputs.repository;
    try {
      await mirror.advanceBase(commit, signal);
      logger.info({ branch, commit }, "Moved the workspace's branch on");
    } catch (error) {
      if (!(error instanceof RunFailure)) throw error;
      logger.warn({ branch, commit, reason: error.message }, "The workspace's branch stays where it is");
    }
  }

  async #push(commit: string, signal: AbortSignal): Promise<void> {
    const { inputs, mirror, keptWork, ledger, retryDelaysMs, logger } = this.#options;
    try {
      await patiently(() => mirror.pushUpstream(commit, signal), { retryDelaysMs, logger, signal });
    } catch (error) {
      if (!(error instanceof RunFailure) || error.verdict.reason !== "PushRejected" || !keptWork.isKept) throw error;
      const message = `${error.verdict.message}; the work is kept ${keptPlace(inputs)} in ${mirror.upstreamKeptRef}`;
      throw new RunFailure("PushRejected", message, { cause: error });
    }
    ledger.recordPush(commit);
  }
}

/** Whether everything that was asked for is there. */
export function isComplete({ outcome }: Delivery): boolean {
  return outcome === "Delivered" || outcome === "UpToDate";
}

function taskRanges({ tasks }: Judgement): Pick<Delivery, "tasks"> {
  if (tasks === undefined) return {};
  return {
    tasks: {
      delivered: formatTaskRanges(tasks.delivered),
      upToDate: formatTaskRanges(tasks.upToDate),
      failed: formatTaskRanges(tasks.failed),
    },
  };
}
