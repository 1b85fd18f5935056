import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Connection } from "./connection.ts";
import { ConnectionConfigError } from "./connection-error.ts";

/** Where the kubelet mounts a pod's ServiceAccount. */
const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The connection of a program inside a pod: the pod's ServiceAccount, whose token the kubelet renews.
 *
 * @throws ConnectionConfigError when the ServiceAccount is not mounted.
 */
export async function inClusterConnection(
  address: { host: string; port: string },
  directory: string = serviceAccountDirectory,
): Promise<Connection> {
  const read = async (file: string): Promise<string> => {
    try {
      return await readFile(join(directory, file), "utf8");
    } catch (cause) {
      throw new ConnectionConfigError(
        `${join(directory, file)} cannot be read: mount the pod's ServiceAccount (automountServiceAccountToken: true)`,
        { cause },
      );
    }
  };
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return {
    server: `https://${host}:${address.port}`,
    namespace: (await read("namespace")).trim(),
    readCredentials: async () => ({
      ca: await read("ca.crt"),
      authorization: `Bearer ${(await read("token")).trim()}`,
    }),
  };
}
