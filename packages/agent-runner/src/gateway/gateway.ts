import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Door, GatewayMessage, RunInputs, Verdict } from "@orchestrator/core/pure";
import type { Logger } from "pino";
import { Agent } from "undici";
import { trustAuthorities, type CertificateAuthorities } from "./certificate-authorities.ts";
import { readModelKey, readRepositoryCredentials, type RepositoryCredentials } from "./credentials.ts";
import { Deliverer, type DeliveryRequest } from "./deliver.ts";
import { newToken, readDoor, writeDoor } from "./door-file.ts";
import { apiUrlOf } from "./forge/api-url.ts";
import { GitHub } from "./forge/github.ts";
import { GatewayRequests, type Readiness } from "./gateway-requests.ts";
import { Git } from "./git/git.ts";
import { gitEnvironment } from "./git/git-environment.ts";
import { Ledger } from "./ledger.ts";
import { Mirror, mirrorServerEnvironment } from "./mirror/mirror.ts";
import { ModelProxy } from "./model/model-proxy.ts";
import { providerVerdict } from "./model/provider-error.ts";
import { patiently } from "./patiently.ts";
import type { Redactor } from "./redactor.ts";
import { gatewayReport } from "./report.ts";
import { RunFailure } from "./run-failure.ts";

export interface GatewayOptions {
  inputs: RunInputs;
  directories: {
    /** The gateway's own volume: mirror and ledger outlive a restart there. */
    state: string;
    /** Where `door.json` is put for the other containers. */
    door: string;
    repositoryCredentials: string;
    modelCredentials: string;
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
}

/** The one way out of a run's pod. */
export interface Gateway {
  readonly door: Door;
  readonly ready: Promise<Readiness>;
  /** What is known of the attempt now. */
  report(): GatewayMessage;
  /** Lets a delivery under way come to its end, at most for `graceMs` (default 20,000), then stops everything. */
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
  #deliverer: Deliverer | undefined;
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
    const before = await readDoor(directories.door);
    const token = before?.token ?? newToken();
    const port = await listen(this.#server, before === undefined ? 0 : Number(new URL(before.address).port));
    this.#door = { address: `http://127.0.0.1:${port}`, token };
    this.#options.redactor.add(token);
    const requests = new GatewayRequests({
      token,
      ready: this.ready,
      deliver: async (request) => await this.#deliver(request),
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
    const { model, delivered, lastProviderError } = this.#ledger;
    const provider = lastProviderError && providerVerdict(lastProviderError, this.#options.inputs);
    return gatewayReport({
      usage: this.#ledger.usage,
      ...(model && { model }),
      ...(delivered && { delivery: delivered.delivery }),
      ...(this.#setupVerdict && { setupVerdict: this.#setupVerdict }),
      ...(provider && { providerVerdict: provider }),
      ...(this.#deliveryVerdict && { deliveryVerdict: this.#deliveryVerdict }),
    });
  }

  async close({ graceMs = defaultGraceMs }: { graceMs?: number } = {}): Promise<void> {
    const patience = new AbortController();
    const inTime = sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([this.#deliverer?.settled() ?? Promise.resolve(), inTime]);
    patience.abort();
    this.#stop.abort();
    await this.#deliverer?.settled();
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
      this.#markReady({ state: "ready", baseCommit: await this.#prepareRepository() });
      this.#options.logger.info("The repository is ready");
    } catch (error) {
      // Stopped before the repository was there: that is no fault of the repository.
      if (this.#stop.signal.aborted) return;
      const verdict = this.#told(setupVerdict(error));
      this.#setupVerdict = verdict;
      this.#options.logger.error({ err: error, verdict }, "The repository could not be prepared");
      this.#markReady({ state: "failed", verdict });
    }
  }

  async #prepareRepository(): Promise<string> {
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
    });
    const mirror = new Mirror({ directory: directories.state, inputs, git: new Git({ env }) });
    const { signal } = this.#stop;
    const baseCommit = await patiently(() => mirror.prepare(signal), { ...this.#patience, signal });
    const secrets = [modelKey, this.#door.token, ...(credentials === undefined ? [] : [credentials.token])];
    const forge = this.#forge(credentials);
    this.#deliverer = new Deliverer({
      inputs,
      mirror,
      ledger: this.#ledger,
      ...(forge === undefined ? {} : { forge }),
      secrets,
      ...this.#patience,
    });
    return baseCommit;
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
      onAnswer: (answer) => {
        this.#ledger.record(answer);
        if (answer.error !== undefined)
          logger.warn({ error: answer.error }, "The model's provider answered with an error");
      },
      logger,
    });
  }

  async #deliver(request: DeliveryRequest): Promise<object> {
    try {
      const delivery = await this.#deliverer?.deliver(request, this.#stop.signal);
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

  /** A verdict as it may be told: a forge's or provider's own words could repeat a secret. */
  #told({ reason, message }: Verdict): Verdict {
    return { reason, message: this.#options.redactor.apply(message) };
  }
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
