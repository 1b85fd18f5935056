import { createHash } from "node:crypto";

const maxNameLength = 63;
const hashLength = 10;

/** Which attempt of which run: what the names of an attempt's objects are made from. */
export interface AttemptIdentity {
  /** Short word for the kind of run, a DNS label: `docs`, `task`. */
  prefix: string;
  runName: string;
  runUid: string;
  round: number;
  attempt: number;
}

/** Name of the ConfigMap and the Job of one attempt: readable, unique by its hash, at most 63 characters. */
export function attemptName(identity: AttemptIdentity): string {
  const hash = shortHash(JSON.stringify([identity.runUid, identity.round, identity.attempt]));
  return `${readable(`${identity.prefix}-${identity.runName}`, maxNameLength - hashLength - 1)}-${hash}`;
}

/** The branch that a run works on, a function of the run alone, so that every attempt meets the work of the one before. */
export function branchName(run: { prefix: string; name: string; uid: string }): string {
  return `orchestrator/${run.prefix}/${readable(run.name, 100)}-${shortHash(run.uid)}`;
}

/** The claim of a service's workspace: one for each service of a namespace. */
export function workspaceClaimName(namespace: string, service: string): string {
  const hash = shortHash(JSON.stringify([namespace, service]));
  return `${readable(`workspace-${service}`, maxNameLength - hashLength - 1)}-${hash}`;
}

/** Hash of a text as it stands in annotations and status. */
export function contentHash(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Enough of a hash to tell the names of one namespace apart. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, hashLength);
}

/** The start of a Kubernetes name as a DNS label: dots become dashes, and it does not end in one. */
function readable(name: string, length: number): string {
  return name.replaceAll(".", "-").slice(0, length).replace(/-+$/, "");
}
