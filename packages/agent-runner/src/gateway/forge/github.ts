import { setTimeout as sleep } from "node:timers/promises";
import { Octokit } from "@octokit/core";
import type { Dispatcher } from "undici";
import { RunFailure } from "../../steps/run-failure.ts";

/** A pull request as it is asked for. */
export interface PullRequestRequest {
  head: string;
  base: string;
  /** Commit that `head` stands at. */
  commit: string;
  title: string;
  body: string;
}

export interface PullRequestRef {
  number: number;
  url: string;
}

export interface GitHubOptions {
  apiUrl: string;
  /** Clone URL of the repository; its last two segments name owner and repository. */
  repositoryUrl: string;
  /** Absent: requests are made without credentials. */
  token?: string;
  dispatcher: Dispatcher;
  /** How long to wait before each repetition of what the forge could not answer. */
  retryDelaysMs: readonly number[];
  /** How long one request may take. Default: 30 seconds. */
  timeoutMs?: number;
}

/** A forge that takes requests and stays silent must not use up the time of the pod, or nobody is told of it. */
const defaultTimeoutMs = 30_000;

/** GitHub takes no longer text in a pull request. */
const bodyLimit = 65_536;

/** Pull requests by GitHub's REST API. */
export class GitHub {
  readonly #octokit: Octokit;
  readonly #options: GitHubOptions;
  readonly #repository: { owner: string; repo: string };

  constructor(options: GitHubOptions) {
    this.#options = options;
    this.#repository = ownerAndName(options.repositoryUrl);
    this.#octokit = new Octokit({
      baseUrl: options.apiUrl,
      ...(options.token === undefined ? {} : { auth: options.token }),
      userAgent: "orchestrator",
      // Failures are named by whoever gets them; nothing is logged here.
      log: { debug() {}, info() {}, warn() {}, error() {} },
      request: {
        // Loaded when a forge is asked: most of undici is fetch, and a gateway starts without it.
        fetch: async (url: string, init: Record<string, unknown>) =>
          (await import("undici")).default.fetch(url, { ...init, dispatcher: options.dispatcher }),
      },
    });
  }

  /**
   * The pull request of a branch: opened, or when there is one already, brought up to date with title and body.
   *
   * @throws RunFailure ForgeUnavailable, DeliveryRefused or RepositoryAuthFailed
   */
  async openOrAdopt(wanted: PullRequestRequest, signal: AbortSignal): Promise<PullRequestRef> {
    for (const delayMs of this.#options.retryDelaysMs) {
      try {
        return await this.#openOrAdopt(wanted, signal);
      } catch (error) {
        if (!mayPass(error)) throw error;
      }
      await sleep(delayMs, undefined, { signal });
    }
    return await this.#openOrAdopt(wanted, signal);
  }

  /** Begins with the search each time: what is opened by a request whose answer is lost is adopted by the next. */
  async #openOrAdopt(wanted: PullRequestRequest, signal: AbortSignal): Promise<PullRequestRef> {
    const body = wanted.body.slice(0, bodyLimit);
    const existing = await this.#find(wanted, signal);
    if (existing?.state === "open") {
      const change = { title: wanted.title, body, pull_number: existing.number };
      await this.#call("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", change, signal);
    }
    if (existing !== undefined) return { number: existing.number, url: existing.html_url };
    const { title, head, base } = wanted;
    const opened = await this.#call<Pull>("POST /repos/{owner}/{repo}/pulls", { title, head, base, body }, signal);
    return { number: opened.number, url: opened.html_url };
  }

  /** The open pull request of the branch; else one that a person has closed or merged at this very commit. */
  async #find(wanted: PullRequestRequest, signal: AbortSignal): Promise<Pull | undefined> {
    const { head, base } = wanted;
    const filter = { head: `${this.#repository.owner}:${head}`, base, state: "all", per_page: 100 };
    const pulls = await this.#call<Pull[]>("GET /repos/{owner}/{repo}/pulls", filter, signal);
    // A forge that does not know the filter by head answers with all of them.
    const own = pulls.filter((pull) => pull.head.ref === head);
    return own.find(({ state }) => state === "open") ?? own.find((pull) => pull.head.sha === wanted.commit);
  }

  async #call<T>(route: string, parameters: Record<string, unknown>, signal: AbortSignal): Promise<T> {
    const { apiUrl, timeoutMs = defaultTimeoutMs } = this.#options;
    const limit = AbortSignal.timeout(timeoutMs);
    const request = { signal: AbortSignal.any([signal, limit]) };
    try {
      const answer = await this.#octokit.request(route, { ...this.#repository, ...parameters, request });
      const data: unknown = answer.data;
      if (typeof data === "object") return data as T;
      // Octokit passes on as text what broke off, and what is no JSON.
      throw new Error(`its answer to ${route} is not whole JSON`);
    } catch (error) {
      signal.throwIfAborted();
      if (!limit.aborted) throw this.#failure(route, error);
      const text = `${apiUrl} did not answer ${route} within ${timeoutMs / 1000} seconds`;
      throw new RunFailure("ForgeUnavailable", text, { cause: error });
    }
  }

  #failure(route: string, error: unknown): RunFailure {
    const { status, words } = readError(error);
    const said = `${this.#options.apiUrl} answered ${status} to ${route}: ${words}`;
    if (status === 401) {
      return new RunFailure("RepositoryAuthFailed", said, { cause: error });
    }
    // A limit of the rate is told by 429, or by 403 with words that name it.
    const limited = status === 429 || (status === 403 && /rate limit/i.test(words));
    if (status >= 400 && status < 500 && !limited) {
      return new RunFailure("DeliveryRefused", `the branch is pushed, but ${said}`, { cause: error });
    }
    const text = status === 0 ? `${this.#options.apiUrl} cannot be reached: ${words}` : said;
    return new RunFailure("ForgeUnavailable", text, { cause: error });
  }
}

interface Pull {
  number: number;
  html_url: string;
  state: "open" | "closed";
  head: { ref: string; sha: string };
}

/** Whether searching and opening once more may end otherwise. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof RunFailure)) return false;
  if (error.verdict.reason === "ForgeUnavailable") return true;
  // Opened after the search: by somebody else, or by a request that the forge was slow with.
  const { status, words } = readError(error.cause);
  return status === 422 && /pull request already exists/i.test(words);
}

const wordsLimit = 300;

/** Status 0 stands for no answer at all; Octokit itself says 500 then. */
function readError(error: unknown): { status: number; words: string } {
  const { response, cause } = error as { response?: { status: number; data?: unknown }; cause?: unknown };
  if (response === undefined) return { status: 0, words: wordsOf(cause ?? error) };
  const { message, errors } = (response.data ?? {}) as { message?: string; errors?: { message?: string }[] };
  const details = (errors ?? []).flatMap((one) => (one.message === undefined ? [] : [one.message]));
  return { status: response.status, words: [message ?? "", ...details].join(" ").slice(0, wordsLimit) };
}

function wordsOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  return (cause?.message ?? message ?? String(error)).slice(0, wordsLimit);
}

function ownerAndName(url: string): { owner: string; repo: string } {
  const segments = new URL(url).pathname.replace(/\/+$/, "").split("/");
  const repo = decodeURIComponent((segments.pop() ?? "").replace(/\.git$/, ""));
  return { owner: decodeURIComponent(segments.pop() ?? ""), repo };
}
