import { z } from "zod";
import { ForgeApiError } from "./api-error.ts";
import type { BareRepository } from "./bare-repository.ts";
import type { ForgeRepository, ForgeState, PullRequest } from "./forge-state.ts";
import { fileShape, type ForgeAddresses, pullRequestFull, pullRequestSimple } from "./github-shapes.ts";

const creation = z.object({
  title: z.string().min(1),
  head: z.string().min(1),
  base: z.string().min(1),
  body: z.string().nullish(),
});
const update = z.object({
  title: z.string().min(1).optional(),
  body: z.string().nullish(),
  base: z.string().min(1).optional(),
  state: z.enum(["open", "closed"]).optional(),
});

/** The pull requests of one repository, as GitHub's REST API answers about them. */
export class PullRequestApi {
  readonly #state: ForgeState;
  readonly #repository: ForgeRepository;
  readonly #git: BareRepository;
  readonly #addresses: ForgeAddresses;
  readonly #now: () => Date;

  constructor(options: {
    state: ForgeState;
    repository: ForgeRepository;
    git: BareRepository;
    addresses: ForgeAddresses;
    now: () => Date;
  }) {
    this.#state = options.state;
    this.#repository = options.repository;
    this.#git = options.git;
    this.#addresses = options.addresses;
    this.#now = options.now;
  }

  /** Newest first, filtered by `state` (default open), `head` (`owner:branch`) and `base`. */
  async list(query: URLSearchParams): Promise<object[]> {
    const state = query.get("state") ?? "open";
    const head = query.get("head");
    const base = query.get("base");
    const found = this.#repository.pullRequests.filter(
      (pull) =>
        (state === "all" || pull.state === state) &&
        (head === null || `${this.#repository.owner}:${pull.head}` === head) &&
        (base === null || pull.base === base),
    );
    return await Promise.all(found.toReversed().map((pull) => this.#simple(pull)));
  }

  /** @throws ForgeApiError 422 when a branch is missing, has nothing new, or has an open pull request already */
  async create(input: unknown): Promise<object> {
    const asked = parse(creation, input);
    const head = asked.head.replace(`${this.#repository.owner}:`, "");
    await this.#checkBranches(asked.base, head);
    const at = this.#now().toISOString();
    const pull: PullRequest = {
      id: this.#state.newId(),
      number: this.#repository.pullRequests.length + 1,
      title: asked.title,
      body: asked.body ?? null,
      head,
      base: asked.base,
      state: "open",
      createdAt: at,
      updatedAt: at,
      closedAt: null,
    };
    this.#repository.pullRequests.push(pull);
    await this.#state.save();
    return await this.#full(pull);
  }

  async get(number: number): Promise<object> {
    return await this.#full(this.#find(number));
  }

  async update(number: number, input: unknown): Promise<object> {
    const pull = this.#find(number);
    const asked = parse(update, input);
    pull.title = asked.title ?? pull.title;
    pull.body = asked.body === undefined ? pull.body : asked.body;
    pull.base = asked.base ?? pull.base;
    pull.updatedAt = this.#now().toISOString();
    if (asked.state !== undefined && asked.state !== pull.state) {
      pull.state = asked.state;
      pull.closedAt = asked.state === "closed" ? pull.updatedAt : null;
      pull.closedHead = asked.state === "closed" ? await this.#git.branchCommit(pull.head) : undefined;
    }
    await this.#state.save();
    return await this.#full(pull);
  }

  async diff(number: number): Promise<string> {
    const pull = this.#find(number);
    return await this.#git.diff(pull.base, pull.head);
  }

  async files(number: number): Promise<object[]> {
    const pull = this.#find(number);
    const head = (await this.#git.branchCommit(pull.head)) ?? "";
    const changes = await this.#git.changes(pull.base, pull.head);
    return changes.map((change) => fileShape(this.#repository, change, head, this.#addresses));
  }

  /** The page of a pull request for people: title, body and diff as plain text. */
  async page(number: number): Promise<string> {
    const pull = this.#find(number);
    const head = `#${pull.number} ${pull.title} (${pull.state}): ${pull.head} into ${pull.base}`;
    return `${head}\n\n${pull.body ?? ""}\n\n${await this.diff(number)}`;
  }

  async #checkBranches(base: string, head: string): Promise<void> {
    for (const [field, branch] of Object.entries({ base, head })) {
      if ((await this.#git.branchCommit(branch)) === undefined) {
        throw ForgeApiError.validationFailed([{ resource: "PullRequest", field, code: "invalid" }]);
      }
    }
    const label = `${this.#repository.owner}:${head}`;
    if (
      this.#repository.pullRequests.some((pull) => pull.state === "open" && pull.head === head && pull.base === base)
    ) {
      throw refused(`A pull request already exists for ${label}.`);
    }
    if ((await this.#git.commitsBetween(base, head)) === 0) throw refused(`No commits between ${base} and ${head}`);
  }

  #find(number: number): PullRequest {
    const pull = this.#repository.pullRequests.find((candidate) => candidate.number === number);
    if (pull === undefined) throw ForgeApiError.notFound();
    return pull;
  }

  async #simple(pull: PullRequest): Promise<Record<string, unknown>> {
    const commits = {
      head: pull.closedHead ?? (await this.#git.branchCommit(pull.head)) ?? "",
      base: (await this.#git.branchCommit(pull.base)) ?? "",
    };
    return pullRequestSimple(this.#repository, pull, commits, this.#addresses);
  }

  async #full(pull: PullRequest): Promise<object> {
    const [simple, changes, commits] = await Promise.all([
      this.#simple(pull),
      this.#git.changes(pull.base, pull.head),
      this.#git.commitsBetween(pull.base, pull.head),
    ]);
    return pullRequestFull(simple, changes, commits);
  }
}

function refused(message: string): ForgeApiError {
  return ForgeApiError.validationFailed([{ resource: "PullRequest", code: "custom", message }]);
}

function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw ForgeApiError.validationFailed(
    result.error.issues.map((issue) => ({ resource: "PullRequest", field: issue.path.join("."), code: "invalid" })),
  );
}
