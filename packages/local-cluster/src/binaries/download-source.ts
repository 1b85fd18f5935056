import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Dispatcher, EnvHttpProxyAgent, fetch } from "undici";
import { runProgram } from "./run-program.ts";
import type { Log, Source, SourceAnswer } from "./source.ts";
import type { Program, Release } from "./versions.ts";

export interface DownloadOptions {
  release: Release;
  /** Where programs are put. */
  cache: string;
  env: Record<string, string | undefined>;
  log: Log;
  /** Default: the project's own release host. */
  kubernetesReleases?: string | undefined;
  /** Default: the project's own release host. */
  etcdReleases?: string | undefined;
  /** How long a connection may take, in milliseconds; short, so that a machine without network goes on. Default 3,000. */
  connectTimeoutMs?: number;
  /** As Node names it. Default: this machine's. */
  architecture?: NodeJS.Architecture;
}

interface Artifact {
  url: string;
  checksumUrl: string;
  /** Its name in a list of checksums; absent when the text at `checksumUrl` is one checksum alone. */
  file?: string;
  /** The program's path when the release is an archive. */
  member?: string;
}

/** The projects' official releases, each checked against the checksum published beside it. */
export function downloadSource(options: DownloadOptions): Source {
  const { log, connectTimeoutMs = 3_000 } = options;
  let unreachable: string | undefined;
  return {
    name: "the official release",
    async get(program, signal) {
      const artifact = artifactOf(program, options);
      const host = new URL(artifact.url).host;
      if (unreachable === host) return { type: "unavailable", why: `${host} cannot be reached` };
      const dispatcher = new EnvHttpProxyAgent({ ...proxiesOf(options.env), connect: { timeout: connectTimeoutMs } });
      try {
        return await download(program, artifact, { ...options, dispatcher, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof BadAnswer)) unreachable = host;
        const why = error instanceof BadAnswer ? error.message : `${host} cannot be reached (${messageOf(error)})`;
        log(`${program}: ${why}`);
        return { type: "unavailable", why };
      } finally {
        await dispatcher.destroy();
      }
    },
  };
}

/** Empty where there is none, for what is absent would be looked up in the process' own environment. */
function proxiesOf(env: DownloadOptions["env"]): { httpProxy: string; httpsProxy: string; noProxy: string } {
  const valueOf = (name: string): string => env[name] ?? env[name.toUpperCase()] ?? "";
  return { httpProxy: valueOf("http_proxy"), httpsProxy: valueOf("https_proxy"), noProxy: valueOf("no_proxy") };
}

/** The host answered, but not with the program. */
class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

function artifactOf(program: Program, options: DownloadOptions): Artifact {
  const { kubernetes, etcd } = options.release;
  const architecture = (options.architecture ?? process.arch) === "arm64" ? "arm64" : "amd64";
  if (program === "etcd") {
    const folder = `${options.etcdReleases ?? "https://github.com/etcd-io/etcd/releases/download"}/${etcd}`;
    const name = `etcd-${etcd}-linux-${architecture}`;
    return {
      url: `${folder}/${name}.tar.gz`,
      checksumUrl: `${folder}/SHA256SUMS`,
      file: `${name}.tar.gz`,
      member: `${name}/etcd`,
    };
  }
  const host = options.kubernetesReleases ?? "https://dl.k8s.io/release";
  const url = `${host}/${kubernetes}/bin/linux/${architecture}/${program}`;
  return { url, checksumUrl: `${url}.sha256` };
}

async function download(
  program: Program,
  artifact: Artifact,
  options: DownloadOptions & { dispatcher: Dispatcher; signal: AbortSignal },
): Promise<SourceAnswer> {
  const { cache, dispatcher, signal, env, log } = options;
  const published = await fetchChecksum(artifact, { dispatcher, signal });
  const folder = await mkdtemp(join(cache, `.${program}-`));
  try {
    log(`downloading ${program} from ${new URL(artifact.url).host}`);
    const file = join(folder, "download");
    const actual = await fetchFile(artifact.url, file, { dispatcher, signal });
    if (actual !== published) {
      throw new BadAnswer(`${artifact.url} does not have the published checksum (${actual} instead of ${published})`);
    }
    const { member } = artifact;
    const unpacked = member === undefined ? file : await unpack(file, member, { folder, signal, env });
    await chmod(unpacked, 0o755);
    const path = join(cache, program);
    await rename(unpacked, path);
    return { type: "found", path };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function unpack(
  archive: string,
  member: string,
  { folder, signal, env }: { folder: string; signal: AbortSignal; env: Record<string, string | undefined> },
): Promise<string> {
  const { code, stderr } = await runProgram("tar", ["-xzf", archive, "-C", folder, member], { signal, env });
  if (code !== 0) throw new BadAnswer(`${member} cannot be unpacked: ${stderr.trim()}`);
  return join(folder, member);
}

interface FetchOptions {
  dispatcher: Dispatcher;
  signal: AbortSignal;
}

async function fetchChecksum(artifact: Artifact, { dispatcher, signal }: FetchOptions): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(15_000)]);
  const response = await fetch(artifact.checksumUrl, { dispatcher, signal: limit });
  const text = await response.text();
  if (!response.ok) throw new BadAnswer(`${artifact.checksumUrl} answered ${response.status}`);
  const lines = text.split("\n").map((line) => line.trim().split(/[ *]+/));
  const checksum = lines.find(([, name]) => artifact.file === undefined || name === artifact.file)?.[0];
  if (checksum === undefined || !/^[0-9a-f]{64}$/.test(checksum))
    throw new BadAnswer(`${artifact.checksumUrl} holds no checksum`);
  return checksum;
}

async function fetchFile(url: string, path: string, { dispatcher, signal }: FetchOptions): Promise<string> {
  const response = await fetch(url, { dispatcher, signal });
  if (!response.ok || response.body === null) throw new BadAnswer(`${url} answered ${response.status}`);
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body), hashing, createWriteStream(path), { signal });
  return hash.digest("hex");
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
