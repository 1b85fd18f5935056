import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { hostAddress } from "../lifecycle/pod-status.ts";
import type { Container, Probe } from "../pod.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

export interface ProbeResult {
  succeeded: boolean;
  /** Why it did not succeed. */
  output: string;
}

const passed: ProbeResult = { succeeded: true, output: "" };

/** Asks once. A probe without a handler that this node knows fails. */
export async function runProbe(
  probe: Probe,
  { container, sandbox, signal }: { container: Container; sandbox: Pick<Sandbox, "run">; signal: AbortSignal },
): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const { exec, httpGet, tcpSocket } = probe;
  if (exec) return runExec(exec.command, { sandbox, timeoutMs, signal });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    if (httpGet) return await get(httpGet, portNumber(httpGet.port, container), limit);
    if (tcpSocket) return await open(tcpSocket.host ?? hostAddress, portNumber(tcpSocket.port, container), limit);
  } catch (error) {
    signal.throwIfAborted();
    return failed(error instanceof Error ? error.message : String(error));
  }
  return failed("this node offers exec, httpGet and tcpSocket probes only");
}

async function runExec(
  command: string[],
  { sandbox, timeoutMs, signal }: { sandbox: Pick<Sandbox, "run">; timeoutMs: number; signal: AbortSignal },
): Promise<ProbeResult> {
  const { outcome, exitCode, output } = await sandbox.run(command, { timeoutMs, signal });
  if (outcome === "timedOut") return failed(`command timed out after ${timeoutMs / 1000}s`);
  return exitCode === 0 ? passed : failed(output.trim() || `command ended with ${exitCode}`);
}

function get(
  { host = hostAddress, path = "/", scheme = "HTTP", httpHeaders = [] }: NonNullable<Probe["httpGet"]>,
  port: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
  const options = { host, port, path, headers: { "User-Agent": "kube-probe/local", ...headers }, signal, agent: false };
  return new Promise((resolve, reject) => {
    // As with a kubelet, the certificate is not looked at.
    const request = scheme === "HTTPS" ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    request.once("error", reject);
    request.once("response", (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      const succeeded = statusCode >= 200 && statusCode < 400;
      resolve(succeeded ? passed : failed(`HTTP probe failed with statuscode: ${statusCode}`));
    });
    request.end();
  });
}

function open(host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(passed);
    });
  });
}

function portNumber(port: number | string, container: Container): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = named ?? Number(port);
  if (!Number.isInteger(number)) throw new Error(`container ${container.name} has no port named ${port}`);
  return number;
}

function failed(output: string): ProbeResult {
  return { succeeded: false, output };
}
