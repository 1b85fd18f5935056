import type { RequestOptions } from "node:https";
import { delimiter } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Connection, Credentials } from "./connection.ts";
import { ConnectionConfigError } from "./connection-error.ts";

/**
 * The connection that a kubeconfig describes.
 *
 * @param paths one file, or several joined as in KUBECONFIG; later ones add to the first
 * @param context default: the current context
 * @throws ConnectionConfigError when a file is missing or damaged, or names no server.
 */
export async function kubeconfigConnection(paths: string, context?: string): Promise<Connection> {
  const config = await load(paths.split(delimiter).filter((path) => path !== ""));
  if (context !== undefined) config.setCurrentContext(context);
  const name = config.getCurrentContext();
  const cluster = name ? config.getCurrentCluster() : null;
  if (cluster === null) {
    throw new ConnectionConfigError(
      `kubeconfig ${paths} has no cluster for ${name ? `context "${name}"` : "want of a current-context"}: choose one of [${config
        .getContexts()
        .map((each) => each.name)
        .join(", ")}]`,
    );
  }
  const namespace = config.getContextObject(name)?.namespace;
  return {
    server: cluster.server,
    ...(namespace === undefined ? {} : { namespace }),
    ...(cluster.proxyUrl === undefined ? {} : { proxyUrl: cluster.proxyUrl }),
    readCredentials: () => readCredentials(config),
  };
}

// A program inside a pod need not load the client library.
async function load(paths: string[]): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import("./kube-config.ts");
  const merged = new Config();
  for (const [index, path] of paths.entries()) {
    const config = index === 0 ? merged : new Config();
    try {
      config.loadFromFile(path);
    } catch (error) {
      throw new ConnectionConfigError(`kubeconfig ${path} cannot be read: ${describe(error)}`);
    }
    if (config !== merged) merged.mergeConfig(config, true);
  }
  // Plain HTTP (`kubectl proxy`) is refused by the library unless the verification that TLS would do is skipped.
  merged.clusters = merged.clusters.map((cluster) =>
    cluster.server.startsWith("http:") ? { ...cluster, skipTLSVerify: true } : cluster,
  );
  return merged;
}

// A YAML error's message quotes the lines around the fault, which may hold a token: only reason and place are told.
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown fault";
  if (!("mark" in error)) return error.message;
  const { reason, mark } = error as Error & { reason?: string; mark?: { line?: number } };
  return `${reason ?? "invalid YAML"} at line ${(mark?.line ?? 0) + 1}`;
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { Authorization: authorization, ...headers } = (options.headers ?? {}) as Record<string, string>;
  const basic = options.auth ? `Basic ${Buffer.from(options.auth).toString("base64")}` : undefined;
  const pem = (value: unknown): string | undefined =>
    value instanceof Buffer || typeof value === "string" ? value.toString() : undefined;
  return defined({
    authorization: authorization ?? basic,
    headers,
    ca: pem(options.ca),
    cert: pem(options.cert),
    key: pem(options.key),
    serverName: options.servername,
    insecureSkipTlsVerify: options.rejectUnauthorized === false,
  });
}

function defined(credentials: { [K in keyof Credentials]: Credentials[K] | undefined }): Credentials {
  return Object.fromEntries(Object.entries(credentials).filter(([, value]) => value !== undefined));
}
