import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { CertificateFiles } from "./certificates.ts";

/** Writes a kubeconfig that holds all it names, readable by its owner alone. */
export async function writeKubeconfig(
  path: string,
  { server, caFile, user, client }: { server: string; caFile: string; user: string; client: CertificateFiles },
): Promise<void> {
  const base64 = (file: string): Promise<string> => readFile(file, "base64");
  const name = "orchestrator-local";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": await base64(caFile) } }],
    users: [
      {
        name: user,
        user: {
          "client-certificate-data": await base64(client.certFile),
          "client-key-data": await base64(client.keyFile),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user, namespace: "default" } }],
    "current-context": name,
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
}
