import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { serveGitHttp } from "@orchestrator/core/git";
import type { Verdict } from "@orchestrator/core/pure";
import type { Logger } from "pino";
import { z } from "zod";
import type { DeliveryRequest } from "./deliver.ts";
import { type HandIn, handIn } from "./kept-work/kept-work.ts";
import { sameToken, sendJson, shownToken } from "./http-answer.ts";
import type { ModelProxy } from "./model/model-proxy.ts";

/** Answer of `/v1/ready`. */
export type Readiness =
  /** `delivered`: an earlier attempt of this round had done everything, and nothing is left to do. */
  { state: "ready"; baseCommit: string; delivered?: true } | { state: "failed"; verdict: Verdict };

export interface GatewayRequestsOptions {
  token: string;
  /** Resolves once, whichever way it goes. */
  ready: Promise<Readiness>;
  /** What answers `/v1/delivery`. */
  deliver: (request: DeliveryRequest) => Promise<object>;
  /** What answers `/v1/hand-in` and `/v1/resume`. */
  handIn: (request: HandIn) => Promise<object>;
  resume: () => Promise<object>;
  model: ModelProxy;
  repository: { projectRoot: string; env: Readonly<Record<string, string>> };
  logger: Logger;
}

const deliveryRequest = z.strictObject({ title: z.string().min(1).max(256), body: z.string() });
/** Compressed transcripts of many long sessions stay well below. */
const bodyLimit = 64 * 1024 * 1024;
const repositoryPath = "/repository.git";
const modelPath = "/model";

/** Answers every request to the gateway; each needs the token of this attempt. */
export class GatewayRequests {
  readonly #options: GatewayRequestsOptions;

  constructor(options: GatewayRequestsOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#dispatch(request, response);
    } catch (error) {
      this.#options.logger.error({ err: error, path: request.url }, "A request to the gateway failed");
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: "the gateway failed; its log says why" });
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "/";
    if (!sameToken(shownToken(request), this.#options.token)) {
      response.setHeader("www-authenticate", 'Basic realm="gateway"');
      sendJson(response, 401, { error: "the token of this run's door is needed" });
    } else if (url.startsWith(`${modelPath}/`)) {
      await this.#options.model.handle(request, response, url.slice(modelPath.length));
    } else if (url.startsWith(`${repositoryPath}/`)) {
      await this.#serveRepository(request, response, url);
    } else if (request.method === "GET" && url === "/v1/ready") {
      sendJson(response, 200, await this.#options.ready);
    } else {
      await this.#serveWork(request, response, `${request.method} ${url}`);
    }
  }

  async #serveRepository(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    if (!(await this.#answeredUnready(response))) {
      const [path = "", query = ""] = url.split("?", 2);
      const { exitCode, stderr } = await serveGitHttp(request, response, {
        ...this.#options.repository,
        path,
        query,
      });
      if (exitCode !== 0 && exitCode !== null)
        this.#options.logger.warn({ exitCode, stderr }, "git http-backend failed");
    }
  }

  async #serveWork(request: IncomingMessage, response: ServerResponse, asked: string): Promise<void> {
    switch (asked) {
      case "POST /v1/delivery":
        return await this.#serve(request, response, deliveryRequest, this.#options.deliver);
      case "POST /v1/hand-in":
        return await this.#serve(request, response, handIn, this.#options.handIn);
      case "GET /v1/resume":
        if (!(await this.#answeredUnready(response))) sendJson(response, 200, await this.#options.resume());
        return;
      default:
        sendJson(response, 404, { error: "no such path" });
    }
  }

  async #serve<T>(
    request: IncomingMessage,
    response: ServerResponse,
    schema: z.ZodType<T>,
    answer: (asked: T) => Promise<object>,
  ): Promise<void> {
    if (Number(request.headers["content-length"] ?? 0) > bodyLimit) {
      sendJson(response, 413, { error: `at most ${bodyLimit} bytes are taken` });
      return;
    }
    const asked = schema.safeParse(json(await text(request)));
    if (!asked.success) sendJson(response, 400, { error: z.prettifyError(asked.error) });
    else if (!(await this.#answeredUnready(response))) sendJson(response, 200, await answer(asked.data));
  }

  /** Whether the request was answered with the reason why there is no repository. */
  async #answeredUnready(response: ServerResponse): Promise<boolean> {
    const readiness = await this.#options.ready;
    if (readiness.state === "failed") sendJson(response, 503, { verdict: readiness.verdict });
    return readiness.state === "failed";
  }
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
