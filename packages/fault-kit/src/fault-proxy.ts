import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Agent, createServer as createTlsServer, request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { isWrite, readCall, type ApiCall } from "./api-call.ts";
import { FaultSchedule } from "./fault-schedule.ts";
import type { Effect, Fault } from "./fault.ts";
import { initialEvents, listOfThePast, objectOf, watchFrom } from "./past-reads.ts";
import { statusAnswer } from "./status-answer.ts";
import { WatchGate, type Barrier } from "./watch-gate.ts";

export interface Answer {
  status: number;
  /** Of the object that a write has left behind. */
  resourceVersion?: number;
}

/** What a test does between a request and its answer; the one who asked waits until it has resolved. */
export interface Tap {
  /** The request has come, and has not been passed on. */
  onRequest?(call: ApiCall): Promise<void> | void;
  /** The server has answered that very call, and nobody has heard of it. */
  onAnswer?(call: ApiCall, answer: Answer): Promise<void> | void;
}

export interface ClientCertificate {
  cert: string;
  key: string;
}

export interface FaultProxyOptions extends Tap {
  /** `https:` address. */
  target: string;
  /** PEM text of the target's authority. */
  ca: string;
  /** PEM texts of the certificate that it serves with. Default: it serves plain HTTP. */
  tls?: ClientCertificate;
  /** Shown to the target for all who come through. Default: each shows its own token. */
  identity?: ClientCertificate | undefined;
  /** Shown to the target where the past is read, which needs the right to list. Default: `identity`. */
  reader?: ClientCertificate | undefined;
  /** Default: no faults. */
  plan?: readonly Fault[];
  /** Requests that no fault befalls, and that see neither lag nor hold. Default: none. */
  spare?: (call: ApiCall) => boolean;
}

interface Stream {
  gate: WatchGate;
  /** Of this stream alone. */
  held: boolean;
}

/** One request under way. */
interface Exchange {
  call: ApiCall;
  outgoing: ServerResponse;
  effect: Effect | undefined;
  spared: boolean;
}

/** Stands between a program and a server: lets a test see and hold what passes, and makes go wrong what a plan says. */
export class FaultProxy implements AsyncDisposable {
  readonly #options: FaultProxyOptions;
  readonly #server: Server;
  readonly #schedule: FaultSchedule;
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<Stream>();
  readonly #agent: Agent;
  readonly #pastAgent: Agent;
  readonly #timers = new Set<NodeJS.Timeout>();
  #toRefuse = 0;
  #barrier: Barrier = { type: "none" };
  /** The newest state that anybody was told of. */
  #newest = 0;

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#schedule = new FaultSchedule(options.plan ?? []);
    const { ca, tls, identity, reader = identity } = options;
    this.#agent = new Agent({ keepAlive: true, ca, ...identity });
    this.#pastAgent = new Agent({ keepAlive: true, ca, ...reader });
    this.#server = tls === undefined ? createServer() : createTlsServer(tls);
    this.#server.keepAliveTimeout = 0;
    this.#server.on("connection", (socket: Socket) => this.#admit(socket));
    this.#server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      // Whoever asked sees a broken connection, as without the proxy.
      this.#pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** Stands for the target's address. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  }

  /** The faults of the plan that have come true. */
  get met(): readonly Fault[] {
    return this.#schedule.met;
  }

  /** Breaks all connections and accepts no more, or, where a number is given, refuses only so many. */
  cut(connections = Number.POSITIVE_INFINITY): void {
    this.#toRefuse = connections;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#toRefuse = 0;
  }

  /** Withholds the events of all watches. */
  hold(): void {
    this.#barrier = { type: "all" };
  }

  /** From now on everything is read as it was at `resourceVersion`: GET, LIST and watches alike. Writes are true. */
  lag(resourceVersion: number): void {
    this.#barrier = { type: "newerThan", resourceVersion };
  }

  /** Ends `hold` and `lag`. What was withheld comes now; joined, of each object its last state only. */
  release({ join = false }: { join?: boolean } = {}): void {
    this.#barrier = { type: "none" };
    for (const { gate, held } of this.#streams) if (!held) gate.release({ join });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    this.#pastAgent.destroy();
    await once(this.#server, "close");
  }

  #admit(socket: Socket): void {
    if (this.#toRefuse > 0) {
      this.#toRefuse -= 1;
      return void socket.resetAndDestroy();
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const call = callOf(incoming);
    const spared = this.#options.spare?.(call) === true;
    const effect = spared ? undefined : this.#schedule.next(call);
    if (await this.#befall(effect, outgoing)) return;
    await this.#options.onRequest?.(call);
    if (outgoing.destroyed) return;
    const exchange: Exchange = { call, outgoing, effect, spared };
    if (!spared && this.#barrier.type === "newerThan" && isRead(call)) {
      return await this.#passPast(exchange, this.#barrier.resourceVersion);
    }
    const answer = await this.#ask(call.path, { incoming, outgoing, agent: this.#agent });
    if (call.verb === "watch" && answer.statusCode === 200) return await this.#passWatch(exchange, answer);
    return await (isWrite(call) ? this.#passWritten(exchange, answer) : this.#passRead(exchange, answer));
  }

  /** What befalls a request before the server hears of it; true where it never will. */
  async #befall(effect: Effect | undefined, outgoing: ServerResponse): Promise<boolean> {
    if (effect === undefined) return false;
    switch (effect.type) {
      case "refuse": {
        const { status, headers, body } = statusAnswer(effect.status, effect.retryAfterSeconds);
        outgoing.writeHead(status, headers).end(body);
        return true;
      }
      case "drop":
        if (effect.when === "request") outgoing.destroy();
        return effect.when === "request";
      case "delay":
        await new Promise<void>((resolve) => this.#later(effect.milliseconds, resolve));
        return false;
      case "lag":
        this.#lagFor(effect.milliseconds);
        return false;
      case "cut":
      case "duplicate":
      case "hold":
        return false;
    }
  }

  /** Behind everything that anybody was told of so far. */
  #lagFor(milliseconds: number): void {
    if (this.#barrier.type !== "none" || this.#newest === 0) return;
    this.lag(this.#newest);
    this.#later(milliseconds, () => this.release());
  }

  async #passRead({ call, outgoing, effect }: Exchange, answer: IncomingMessage): Promise<void> {
    const status = statusOf(answer);
    await this.#options.onAnswer?.(call, { status });
    if (effect?.type === "drop") return void outgoing.destroy();
    outgoing.writeHead(status, answer.headers);
    outgoing.flushHeaders();
    if (effect?.type === "cut") return await sendHalf(outgoing, await buffer(answer));
    await pipeline(answer, outgoing);
  }

  async #passWritten({ call, outgoing, effect }: Exchange, answer: IncomingMessage): Promise<void> {
    const body = await buffer(answer);
    const status = statusOf(answer);
    const resourceVersion = status < 300 ? versionOf(body) : undefined;
    await this.#options.onAnswer?.(call, { status, ...(resourceVersion !== undefined && { resourceVersion }) });
    this.#tellOf(resourceVersion);
    if (effect?.type === "drop") return void outgoing.destroy();
    outgoing.writeHead(status, answer.headers);
    if (effect?.type === "cut") return await sendHalf(outgoing, body);
    outgoing.end(body);
  }

  /** GET and LIST, and watches that begin with a list, as of the moment that is lagged behind. */
  async #passPast(exchange: Exchange, resourceVersion: number): Promise<void> {
    const { call, outgoing } = exchange;
    const past = { outgoing, agent: this.#pastAgent };
    const answer = await this.#ask(listOfThePast(call, resourceVersion), past);
    const [body, status] = [await buffer(answer), statusOf(answer)];
    await this.#options.onAnswer?.(call, { status });
    if (status !== 200 || call.verb === "list") return void outgoing.writeHead(status, answer.headers).end(body);
    const list = JSON.parse(body.toString("utf8")) as Parameters<typeof objectOf>[0];
    const json = { "content-type": "application/json" };
    if (call.verb === "get") {
      const found = objectOf(list);
      return void outgoing.writeHead(found.status, json).end(found.body);
    }
    outgoing.writeHead(200, json);
    for (const line of initialEvents(list)) outgoing.write(`${line}\n`);
    await this.#passEvents(exchange, await this.#ask(watchFrom(call, resourceVersion), past));
  }

  async #passWatch(exchange: Exchange, answer: IncomingMessage): Promise<void> {
    await this.#options.onAnswer?.(exchange.call, { status: 200 });
    exchange.outgoing.writeHead(200, answer.headers);
    exchange.outgoing.flushHeaders();
    await this.#passEvents(exchange, answer);
  }

  async #passEvents({ outgoing, effect, spared }: Exchange, answer: IncomingMessage): Promise<void> {
    const write = (line: string): void => {
      this.#tellOf(versionOf(line));
      outgoing.write(`${line}\n`);
    };
    const gate = new WatchGate(write, { times: effect?.type === "duplicate" ? 2 : 1 });
    const stream: Stream = { gate, held: effect?.type === "hold" };
    if (!spared) this.#streams.add(stream);
    if (effect?.type === "hold") this.#later(effect.milliseconds, () => this.#releaseOwn(stream, effect.join));
    let left = effect?.type === "cut" ? effect.afterLines : Number.POSITIVE_INFINITY;
    try {
      for await (const line of createInterface({ input: answer })) {
        if (left <= 0) return await sendHalf(outgoing, Buffer.from(line));
        left -= 1;
        gate.take(line, this.#barrierOf(stream));
      }
      outgoing.end();
    } finally {
      this.#streams.delete(stream);
      answer.destroy();
    }
  }

  #barrierOf(stream: Stream): Barrier {
    if (stream.held) return { type: "all" };
    return this.#streams.has(stream) ? this.#barrier : { type: "none" };
  }

  #releaseOwn(stream: Stream, join: boolean): void {
    stream.held = false;
    if (this.#barrier.type === "none") stream.gate.release({ join });
  }

  async #ask(
    path: string,
    { incoming, outgoing, agent }: { incoming?: IncomingMessage; outgoing: ServerResponse; agent: Agent },
  ): Promise<IncomingMessage> {
    const { target } = this.#options;
    const headers = { ...incoming?.headers, host: new URL(target).host };
    const asked = request(new URL(path, target), { method: incoming?.method ?? "GET", headers, agent });
    outgoing.once("close", () => asked.destroy());
    const answered = once(asked, "response") as Promise<[IncomingMessage]>;
    if (incoming === undefined) asked.end();
    else incoming.pipe(asked);
    const [answer] = await answered;
    // A connection that breaks later is seen by whoever reads the body.
    asked.on("error", () => outgoing.destroy());
    answer.on("error", () => outgoing.destroy());
    return answer;
  }

  #tellOf(resourceVersion: number | undefined): void {
    if (resourceVersion !== undefined && resourceVersion > this.#newest) this.#newest = resourceVersion;
  }

  #later(milliseconds: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, milliseconds);
    this.#timers.add(timer);
  }
}

function callOf({ method = "GET", url = "/" }: IncomingMessage): ApiCall {
  return readCall(method, url);
}

function statusOf({ statusCode = 502 }: IncomingMessage): number {
  return statusCode;
}

function isRead({ verb, path }: ApiCall): boolean {
  if (verb === "list") return !path.includes("continue=");
  return verb === "get" || (verb === "watch" && path.includes("sendInitialEvents=true"));
}

/** Of the object in an answer or an event; written out, so that objects of any size cost the same. */
function versionOf(text: Buffer | string): number | undefined {
  const found = /"resourceVersion":"(\d+)"/.exec(text.toString("utf8"))?.[1];
  return found === undefined ? undefined : Number(found);
}

async function sendHalf(outgoing: ServerResponse, body: Buffer): Promise<void> {
  const half = body.subarray(0, Math.ceil(body.length / 2));
  await new Promise<void>((resolve) => outgoing.write(half, () => resolve()));
  outgoing.destroy();
}
