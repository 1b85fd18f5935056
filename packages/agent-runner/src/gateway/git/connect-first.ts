import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { RunFailure } from "../../steps/run-failure.ts";

/**
 * Shakes hands once with the host of a repository before Git does, which waits for minutes where packets are dropped, as network
 * policies drop them. What else may be wrong with the host, its certificate among it, is Git's to find, and to say.
 *
 * @param timeoutMs how long the host has to answer; default ten seconds
 * @throws RunFailure RepositoryUnreachable when nothing answers in time
 */
export async function connectFirst(url: string, signal: AbortSignal, timeoutMs = 10_000): Promise<void> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "https:") return;
  const address = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443) };
  if (!(await resolves(address.host, signal))) return;
  const deadline = AbortSignal.timeout(timeoutMs);
  const servername = isIP(address.host) === 0 ? address.host : "";
  // Nothing is sent to whoever it is. Each of its addresses has a third of the time.
  const trust = { servername, rejectUnauthorized: false };
  const options = { ...address, ...trust, autoSelectFamilyAttemptTimeout: Math.ceil(timeoutMs / 3) };
  const socket = connect(options);
  try {
    await once(socket, "secureConnect", { signal: AbortSignal.any([deadline, signal]) });
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) throw silent(url, { ...address, seconds: timeoutMs / 1000 }, error);
  } finally {
    socket.on("error", () => {});
    socket.destroy();
  }
}

/** However long that takes: the time is the host's to answer. */
async function resolves(host: string, signal: AbortSignal): Promise<boolean> {
  const settled = new AbortController();
  try {
    await Promise.race([lookup(host), once(signal, "abort", { signal: settled.signal })]);
    return !signal.aborted;
  } catch {
    return false;
  } finally {
    settled.abort();
    signal.throwIfAborted();
  }
}

function silent(url: string, { host, port, seconds }: { host: string; port: number; seconds: number }, cause: unknown) {
  const cure =
    "what is inside the cluster, or at another port than 443, is opened by the operator's setting NETWORK_POLICY_OPEN";
  const text = `${url} cannot be reached: nothing has answered at ${host}:${port} for ${seconds} seconds (${cure})`;
  return new RunFailure("RepositoryUnreachable", text, { cause });
}
