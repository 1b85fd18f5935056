import { readFile } from "node:fs/promises";
import { FaultProxy, type FaultProxyOptions } from "@orchestrator/fault-kit";
import { inject } from "vitest";
import { serverTls } from "./cluster.ts";

/** A proxy that speaks TLS as everything in the cluster trusts it, before a forge or a model that does so, too. */
export async function startTlsProxy(options: Pick<FaultProxyOptions, "target" | "onRequest" | "onAnswer">) {
  const ca = await readFile(inject("cluster").caFile, "utf8");
  return await FaultProxy.start({ ...options, ca, tls: await serverTls() });
}
