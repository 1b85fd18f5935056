import { type Delivery, formatTaskRanges, type RunInputs } from "@orchestrator/core/pure";
import type { Logger } from "pino";
import type { GitHub } from "./forge/github.ts";
import { type Judgement, judge } from "./judge/judge.ts";
import type { Ledger } from "./ledger.ts";
import type { Mirror } from "./mirror/mirror.ts";
import { patiently } from "./patiently.ts";

/** What the pull request is to say. */
export interface DeliveryRequest {
  title: string;
  body: string;
}

export interface DelivererOptions {
  inputs: RunInputs;
  mirror: Mirror;
  ledger: Ledger;
  /** Absent: the branch is pushed, and no pull request opened. */
  forge?: GitHub;
  /** Credentials that must not be delivered. */
  secrets: readonly string[];
  /** Waits between tries to reach the repository. */
  retryDelaysMs: readonly number[];
  logger: Logger;
}

/**
 * Hands in the run's branch: judges it, pushes it upstream, opens or adopts the pull request. Every step may be done
 * again, so a delivery that broke off anywhere is completed by asking again.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /**
   * One delivery at a time; the same commit is answered the same way each time.
   *
   * @throws RunFailure naming why nothing, or not everything, could be delivered
   */
  async deliver(request: DeliveryRequest, signal: AbortSignal): Promise<Delivery> {
    const turn = this.#previous.then(
      () => this.#deliver(request, signal),
      () => this.#deliver(request, signal),
    );
    this.#previous = turn;
    return await turn;
  }

  /** Resolves when no delivery is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#previous]);
  }

  async #deliver(request: DeliveryRequest, signal: AbortSignal): Promise<Delivery> {
    const { inputs, mirror, ledger, secrets, logger } = this.#options;
    const baseCommit = await mirror.baseCommit(signal);
    const commit = (await mirror.branchCommit(signal)) ?? baseCommit;
    if (ledger.delivered?.commit === commit) return ledger.delivered.delivery;
    const judgement = await judge({ inputs, mirror, baseCommit, commit, secrets }, signal);
    logger.info(
      { commit, outcome: judgement.outcome, filesChanged: judgement.filesChanged },
      "Judged the run's branch",
    );
    const pullRequest = judgement.worthDelivering ? await this.#handIn(request, commit, signal) : {};
    const work = { branch: inputs.branch, commit, filesChanged: judgement.filesChanged, ...pullRequest };
    const delivery: Delivery = {
      outcome: judgement.outcome,
      result: { baseCommit, ...(judgement.worthDelivering ? work : {}) },
      ...taskRanges(judgement),
    };
    ledger.recordDelivery(commit, delivery);
    await ledger.saved();
    return delivery;
  }

  async #handIn(
    request: DeliveryRequest,
    commit: string,
    signal: AbortSignal,
  ): Promise<{ pullRequest?: { number: number; url: string } }> {
    const { inputs, mirror, forge, retryDelaysMs, logger } = this.#options;
    await patiently(() => mirror.pushUpstream(commit, signal), { retryDelaysMs, logger, signal });
    logger.info({ branch: inputs.branch, commit }, "Pushed the run's branch");
    if (forge === undefined) return {};
    const wanted = { head: inputs.branch, base: inputs.repository.branch, commit, ...request };
    const pullRequest = await forge.openOrAdopt(wanted, signal);
    logger.info({ pullRequest }, "The pull request is there");
    return { pullRequest };
  }
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
