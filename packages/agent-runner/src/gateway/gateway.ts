import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { type Door, type GatewayMessage, type RunInputs, type Verdict } from "@orchestrator/core/pure";
import type { Logger } from "pino";
import { Agent } from "undici";
import { staysInWorkspace } from "../steps/upstream.ts";
import { trustAuthorities, type CertificateAuthorities } from "./certificate-authorities.ts";
import { readModelKey, readRepositoryCredentials, type RepositoryCredentials } from "./credentials.ts";
import { Deliverer } from "./deliver.ts";
import { newToken, readDoor, writeDoor } from "./door-file.ts";
import { apiUrlOf } from "./forge/api-url.ts";
import { GitHub } from "./forge/github.ts";
import { GatewayRequests, type Readiness } from "./gateway-requests.ts";
import { Git } from "./git/git.ts";
import { gitEnvironment } from "./git/git-environment.ts";
import { KeptWork, type Resume } from "./kept-work/kept-work.ts";
import { Ledger } from "./ledger.ts";
import { Mirror, mirrorServerEnvironment } from "./mirror/mirror.ts";
import { ModelProxy } from "./model/model-proxy.ts";
import { connectFirst } from "./git/connect-first.ts";
import { providerVerdict } from "./model/provider-error.ts";
import { limitMet, unpricedModel } from "./model/spending-limit.ts";
import { patiently } from "./patiently.ts";
import type { Redactor } from "./redactor.ts";
import { gatewayReport } from "./report.ts";
import { exists } from "../steps/optional-file.ts";
import { RunFailure } from "../steps/run-failure.ts";
import { Turns } from "./turns.ts";
import { greaterUsage, noUsage } from "./usage-sum.ts";
import { workLost } from "./work-lost.ts";
import { WorkspaceRepository } from "./workspace/workspace-repository.ts";

export interface GatewayOptions {
  inputs: RunInputs;
  directories: {
    /** The gateway's own volume: mirror and ledger outlive a restart there. */
    state: string;
    /** Where `door.json` is put for the other containers. */
    door: string;
    repositoryCredentials: string;
    modelCredentials: string;
    /** The gateway's part of the service's workspace, used where the run has one. */
    workspace: string;
  };
  /** PEM text of authorities trusted besides the public ones. */
  caBundle?: string;
  /** Where programs are found, as in PATH. */
  path: string;
  /** Learns the run's secrets as they are read; the logger is expected to apply it. */
  redactor: Redactor;
  logger: Logger;
  /** Waits between tries to reach the repository and the forge. Default: one second, then four. */
  retryDelaysMs?: readonly number[];
  /** Default: the system's clock. */
  now?: () => Date;
}

/** The one way out of a run's pod. */
export interface Gateway {
  readonly door: Door;
  readonly ready: Promise<Readiness>;
  /** What is known of the attempt now. */
  report(): GatewayMessage;
  /** Lets what goes upstream come to its end, at most for `graceMs` (default 20,000), then stops everything. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** Starts the gateway. It stays up whatever becomes of the run; `ready` tells when the repository is there, or why not. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  await mkdir(options.directories.state, { recursive: true });
  const running = new RunningGateway(options, {
    ledger: await Ledger.open(options.directories.state),
    authorities: await trustAuthorities(options.directories.state, options.caBundle),
  });
  await running.listen();
  return running;
}

const defaultRetryDelaysMs = [1000, 4000];
const defaultGraceMs = 20_000;
/** As long as the agent itself waits for an answer that is not streamed. */
const modelTimeoutMs = 600_000;

/** What there is once the repository is. */
interface Work {
  deliverer: Deliverer;
  keptWork: KeptWork;
}

class RunningGateway implements Gateway {
  readonly ready: Promise<Readiness>;
  readonly #options: GatewayOptions;
  readonly #ledger: Ledger;
  readonly #authorities: CertificateAuthorities;
  readonly #dispatcher: Agent;
  readonly #stop = new AbortController();
  readonly #server: Server = createServer();
  readonly #markReady: (readiness: Readiness) => void;
  #door: Door = { address: "", token: "" };
  readonly #turns = new Turns();
  #work: Work | undefined;
  #resume: Resume = { state: "none" };
  #setupVerdict: Verdict | undefined;
  #deliveryVerdict: Verdict | undefined;

  constructor(options: GatewayOptions, parts: { ledger: Ledger; authorities: CertificateAuthorities }) {
    this.#options = options;
    this.#ledger = parts.ledger;
    this.#authorities = parts.authorities;
    this.#dispatcher = new Agent({
      connect: { ca: parts.authorities.certificates },
      headersTimeout: modelTimeoutMs,
      bodyTimeout: modelTimeoutMs,
    });
    const { promise, resolve } = Promise.withResolvers<Readiness>();
    this.ready = promise;
    this.#markReady = resolve;
  }

  get door(): Door {
    return this.#door;
  }

  /** Opens the door, and begins to fetch the repository. */
  async listen(): Promise<void> {
    const { directories, inputs, logger } = this.#options;
    const stop = this.#stop.signal;
    const before = await readDoor(directories.door);
    const token = before?.token ?? newToken();
    const port = await listen(this.#server, before === undefined ? 0 : Number(new URL(before.address).port));
    this.#door = { address: `http://127.0.0.1:${port}`, token };
    this.#options.redactor.add(token);
    const requests = new GatewayRequests({
      token,
      ready: this.ready,
      deliver: async (request) => await this.#deliver(async (work) => await work.deliverer.deliver(request, stop)),
      handIn: async (request) => ({
        ...(await this.#upstream(async (work) => await work.keptWork.store(request, stop))),
      }),
      resume: async () => this.#resume,
      model: this.#modelProxy(),
      repository: {
        projectRoot: directories.state,
        env: mirrorServerEnvironment(inputs.branch, this.#options.path),
      },
      logger,
    });
    this.#server.on("request", (request, response) => void requests.handle(request, response));
    await writeDoor(directories.door, this.#door);
    logger.info({ address: this.#door.address }, "The gateway is open");
    void this.#setUp();
  }

  report(): GatewayMessage {
    const { inputs } = this.#options;
    const { model, delivered, lastProviderError, usage, roundUsage, refused, pushed } = this.#ledger;
    const provider = lastProviderError && providerVerdict(lastProviderError, inputs);
    const whyNot = this.#work?.keptWork.whyNot;
    return gatewayReport({
      usage,
      roundUsage,
      model,
      delivery: delivered?.delivery,
      setupVerdict: this.#setupVerdict,
      limitVerdict: refused ?? limitMet(inputs.budget, roundUsage),
      providerVerdict: provider,
      retryAfterSeconds: lastProviderError?.retryAfterSeconds,
      deliveryVerdict: this.#deliveryVerdict,
      kept: this.#work?.keptWork.isKept,
      pushed: pushed === undefined ? undefined : { branch: inputs.branch, commit: pushed },
      // Before it is cut: half a secret would not be known as one.
      notKept: whyNot && this.#options.redactor.apply(whyNot),
    });
  }

  async close({ graceMs = defaultGraceMs }: { graceMs?: number } = {}): Promise<void> {
    const patience = new AbortController();
    const inTime = sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([this.#turns.settled(), inTime]);
    patience.abort();
    this.#stop.abort();
    await this.#turns.settled();
    // Whoever asked for the delivery is answered before the connections end.
    await nextTurn();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    await this.#dispatcher.destroy();
    // The report is told from what is in memory, so a full disk does not take it away.
    await this.#ledger.saved().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, "The ledger could not be written");
    });
  }

  async #setUp(): Promise<void> {
    try {
      const { mirror, work } = await this.#prepareRepository();
      const delivered = await this.#goOn(work);
      const baseCommit = await mirror.baseCommit(this.#stop.signal);
      this.#markReady({ state: "ready", baseCommit, ...(delivered && { delivered }) });
      this.#options.logger.info({ resume: this.#resume.state, delivered }, "The repository is ready");
    } catch (error) {
      // Stopped before the repository was there: that is no fault of the repository.
      if (this.#stop.signal.aborted) return;
      const verdict = this.#told(setupVerdict(error));
      this.#setupVerdict = verdict;
      this.#options.logger.error({ err: error, verdict }, "The repository could not be prepared");
      this.#markReady({ state: "failed", verdict });
    }
  }

  /**
   * Finds what an earlier attempt has left. Resolves to true where that is everything.
   *
   * @throws RunFailure where it cannot be gone on from, though it has to be
   */
  async #goOn(work: Work): Promise<true | undefined> {
    const { inputs } = this.#options;
    const stop = this.#stop.signal;
    const account = await work.keptWork.open(stop);
    this.#ledger.begin(greaterUsage(inputs.spent, account ?? noUsage()));
    this.#work = work;
    const answer = await this.#deliver(async () => await work.deliverer.completeEarlier(stop));
    if ("verdict" in answer) throw RunFailure.of(answer.verdict);
    if (answer.delivery !== undefined) return true;
    this.#resume = await work.keptWork.resume(stop);
    // The work of an earlier round is not that of the attempt before.
    const lost = !(this.#resume.state === "found" && work.keptWork.isKept) && !(await work.deliverer.hasEarlier(stop));
    if (inputs.resume?.required === true && lost) throw workLost(inputs);
    return undefined;
  }

  async #prepareRepository(): Promise<{ mirror: Mirror; work: Work }> {
    const { inputs, directories, redactor } = this.#options;
    const credentials = await readRepositoryCredentials(directories.repositoryCredentials, inputs);
    if (credentials !== undefined) redactor.add(credentials.token);
    const modelKey = await readModelKey(directories.modelCredentials, inputs);
    redactor.add(modelKey);
    const env = gitEnvironment({
      url: inputs.repository.url,
      ...(credentials === undefined ? {} : { tokenFile: credentials.tokenFile }),
      caFile: this.#authorities.file,
      home: directories.state,
      path: this.#options.path,
      workspace: inputs.workspace !== undefined,
    });
    const git = new Git({ env });
    const { signal } = this.#stop;
    const workspace =
      inputs.workspace && (await openWorkspace({ directory: directories.workspace, git }, inputs, signal));
    const mirror = new Mirror({ directory: directories.state, inputs, git, keptUrl: workspace?.url });
    const prepared = async (): Promise<string> => {
      if (!(await exists(mirror.path))) await connectFirst(inputs.repository.url, signal);
      return await mirror.prepare(signal);
    };
    await patiently(prepared, { ...this.#patience, signal });
    const credentialsOfRun = [modelKey, ...(credentials === undefined ? [] : [credentials.token])];
    const secrets = [...credentialsOfRun, this.#door.token];
    const { logger } = this.#options;
    const parts = { inputs, mirror, ledger: this.#ledger, logger };
    // A session may have seen the door's token, which is worth nothing outside this pod.
    const keptWork = new KeptWork({ ...parts, secrets: { inWork: secrets, inTranscripts: credentialsOfRun } });
    const forge = this.#forge(credentials);
    const deliverer = new Deliverer({
      ...parts,
      keptWork,
      ...(forge === undefined ? {} : { forge }),
      secrets,
      ...this.#patience,
    });
    return { mirror, work: { deliverer, keptWork } };
  }

  get #patience(): { retryDelaysMs: readonly number[]; logger: Logger } {
    const { retryDelaysMs = defaultRetryDelaysMs, logger } = this.#options;
    return { retryDelaysMs, logger };
  }

  #forge(credentials: RepositoryCredentials | undefined): GitHub | undefined {
    const { repository } = this.#options.inputs;
    if (repository.provider === "None") return undefined;
    return new GitHub({
      apiUrl: apiUrlOf(repository),
      repositoryUrl: repository.url,
      ...(credentials === undefined ? {} : { token: credentials.token }),
      dispatcher: this.#dispatcher,
      retryDelaysMs: this.#patience.retryDelaysMs,
    });
  }

  #modelProxy(): ModelProxy {
    const { inputs, directories, redactor, logger } = this.#options;
    return new ModelProxy({
      baseUrl: inputs.modelBaseUrl,
      readKey: async () => {
        const key = await readModelKey(directories.modelCredentials, inputs);
        redactor.add(key);
        return key;
      },
      dispatcher: this.#dispatcher,
      refusal: (model) => this.#refusal(model),
      now: this.#options.now ?? (() => new Date()),
      onAnswer: (answer) => {
        this.#ledger.record(answer);
        // A provider may answer with another model than it was asked for.
        const unpriced = answer.usage?.model && unpricedModel(inputs.budget, answer.usage.model);
        if (unpriced) this.#ledger.recordRefusal(unpriced);
        if (answer.error !== undefined)
          logger.warn({ error: answer.error }, "The model's provider answered with an error");
      },
      logger,
    });
  }

  /** Why the agent may not ask this model for more. */
  #refusal(model: () => string): Verdict | undefined {
    const { inputs, logger } = this.#options;
    const met = this.#ledger.refused ?? limitMet(inputs.budget, this.#ledger.roundUsage);
    const unpriced = inputs.budget?.maxCostUsd === undefined ? undefined : unpricedModel(inputs.budget, model());
    if (met === undefined && unpriced !== undefined) this.#ledger.recordRefusal(unpriced);
    const verdict = met ?? unpriced;
    if (verdict !== undefined) logger.warn({ verdict }, "A request to the model was refused");
    return verdict;
  }

  async #deliver<T>(work: (parts: Work) => Promise<T>): Promise<{ delivery: T | undefined } | { verdict: Verdict }> {
    try {
      const delivery = await this.#upstream(work);
      this.#deliveryVerdict = undefined;
      return { delivery };
    } catch (error) {
      if (!(error instanceof RunFailure)) throw error;
      const verdict = this.#told(error.verdict);
      this.#deliveryVerdict = verdict;
      this.#options.logger.error({ verdict }, "The work could not be delivered");
      return { verdict };
    }
  }

  async #upstream<T>(work: (parts: Work) => Promise<T>): Promise<T | undefined> {
    const parts = this.#work;
    return parts === undefined ? undefined : await this.#turns.take(async () => await work(parts));
  }

  /** A verdict as it may be told: a forge's or provider's own words could repeat a secret. */
  #told(verdict: Verdict): Verdict {
    return { ...verdict, message: this.#options.redactor.apply(verdict.message) };
  }
}

async function openWorkspace(
  options: ConstructorParameters<typeof WorkspaceRepository>[0],
  inputs: RunInputs,
  signal: AbortSignal,
): Promise<WorkspaceRepository> {
  const workspace = new WorkspaceRepository(options);
  await workspace.prepare(signal);
  if (staysInWorkspace(inputs)) await workspace.begin(inputs.repository.branch, signal);
  return workspace;
}

function setupVerdict(error: unknown): Verdict {
  if (error instanceof RunFailure) return error.verdict;
  const words = error instanceof Error ? error.message : String(error);
  return { reason: "RepositoryUnreachable", message: `the gateway could not prepare the repository: ${words}` };
}

/** The port that was used before, when it can be had again; else any free one. */
async function listen(server: Server, port: number): Promise<number> {
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  return (server.address() as AddressInfo).port;
}
