import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunInputs } from "@orchestrator/core/pure";
import { apiUrlOf } from "./forge/api-url.ts";
import { RunFailure } from "../steps/run-failure.ts";

/** Keys of the Secrets, which are the names of the mounted files. */
const keys = { token: "token", host: "host", modelKey: "api-key" } as const;

const publicForges: readonly string[] = ["github.com", "gitlab.com"];

/** What opens the run's repository. */
export interface RepositoryCredentials {
  token: string;
  /** The file that holds the token, for programs that are not to be given the token itself. */
  tokenFile: string;
}

/**
 * Reads the Secret of the run's repository and checks that its token may be sent where the run would send it.
 * Undefined when the run names no Secret.
 *
 * @throws RunFailure InvalidInput for an address that is none, MissingSecret, or RepositoryAuthFailed for a token that is meant
 * for another host
 */
export async function readRepositoryCredentials(
  directory: string,
  inputs: Pick<RunInputs, "repository" | "namespace">,
): Promise<RepositoryCredentials | undefined> {
  const { secretName, url, apiUrl } = inputs.repository;
  for (const [field, address] of Object.entries({ url, apiUrl })) {
    if (address !== undefined && !URL.canParse(address)) throw noAddress(field, address);
  }
  if (secretName === undefined) return undefined;
  const tokenFile = join(directory, keys.token);
  const token = await readKey(directory, keys.token);
  if (token === undefined) throw missing(inputs.namespace, secretName, keys.token, "repository.secretRef");
  const host = await readKey(directory, keys.host);
  const addresses = [url, ...(inputs.repository.provider === "None" ? [] : [apiUrlOf(inputs.repository)])];
  const refused = addresses.find((address) => !mayHaveToken(address, host));
  if (refused !== undefined) throw otherHost(refused, secretName, host);
  return { token, tokenFile };
}

/**
 * The key for the model's provider, read anew each time, so that a rotated key is used at once.
 *
 * @throws RunFailure MissingSecret
 */
export async function readModelKey(
  directory: string,
  inputs: Pick<RunInputs, "namespace" | "modelSecretName">,
): Promise<string> {
  const key = await readKey(directory, keys.modelKey);
  if (key === undefined) throw missing(inputs.namespace, inputs.modelSecretName, keys.modelKey, "modelSecretRef");
  return key;
}

/**
 * Whether a token may be sent to `address`. `host` is what its Secret says: a host, or host and port; absent: the two
 * public forges and their API hosts.
 */
export function mayHaveToken(address: string, host: string | undefined): boolean {
  const target = new URL(address);
  const allowed = host === undefined ? publicForges : [host.toLowerCase()];
  return allowed.some((name) => {
    if (publicForges.includes(name)) return target.host === name || target.host === `api.${name}`;
    return target.hostname === name || target.host === URL.parse(`https://${name}`)?.host;
  });
}

async function readKey(directory: string, key: string): Promise<string | undefined> {
  try {
    const text = (await readFile(join(directory, key), "utf8")).trim();
    return text === "" ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The schema sees the form of an address, and not whether its host and port can be. */
function noAddress(field: string, address: string): RunFailure {
  return new RunFailure("InvalidInput", `spec.repository.${field} ${address} has a host or port that cannot be`);
}

function missing(namespace: string, secret: string, key: string, field: string): RunFailure {
  return new RunFailure(
    "MissingSecret",
    `Secret ${namespace}/${secret} (spec.${field}) does not exist or has no key ${JSON.stringify(key)}`,
  );
}

function otherHost(address: string, secret: string, host: string | undefined): RunFailure {
  const meant = host === undefined ? "github.com and gitlab.com only, because it has no key host" : `${host} only`;
  const wanted = new URL(address).host;
  return new RunFailure(
    "RepositoryAuthFailed",
    `the token in Secret ${secret} is meant for ${meant}, but this run would send it to ${wanted}`,
  );
}
