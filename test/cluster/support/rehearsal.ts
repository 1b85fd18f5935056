import { readFile } from "node:fs/promises";
import type { KubernetesObject } from "@orchestrator/controller-runtime";
import type { CertificateFiles } from "@orchestrator/local-cluster";

/** Where the forge and the model of the tests run, and at which port both answer. */
export const rehearsalNamespace = "orchestrator-rehearsal";
export const rehearsalPort = 8443;

const hostOf = (name: string): string => `${name}.${rehearsalNamespace}.svc`;

export const forgeHost = `${hostOf("forge")}:${rehearsalPort}`;
export const forgeUrl = `https://${forgeHost}`;
export const modelUrl = `https://${hostOf("model")}:${rehearsalPort}`;
/** The names that their certificate has to be valid for. */
export const rehearsalNames: readonly string[] = [hostOf("forge"), hostOf("model")];

const programs = "/opt/orchestrator/rehearsal";

/** The objects that bring forge and model into the cluster. */
export async function rehearsalObjects(image: string, tls: CertificateFiles): Promise<KubernetesObject[]> {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "tls", namespace: rehearsalNamespace },
    stringData: { "tls.crt": await readFile(tls.certFile, "utf8"), "tls.key": await readFile(tls.keyFile, "utf8") },
  };
  const serving = ["--certificate=/tls/tls.crt", "--key=/tls/tls.key", `--port=${rehearsalPort}`, "--host=0.0.0.0"];
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: rehearsalNamespace } },
    secret,
    ...server("forge", image, [`${programs}/forge.mjs`, "--directory=/data", `--url=${forgeUrl}`, ...serving]),
    ...server("model", image, [`${programs}/rehearsal-model.mjs`, ...serving]),
  ];
}

function server(name: string, image: string, args: string[]): KubernetesObject[] {
  const metadata = { name, namespace: rehearsalNamespace, labels: { app: name } };
  const template = {
    metadata: { labels: { app: name } },
    spec: {
      securityContext: { runAsNonRoot: true, fsGroup: 65_532 },
      automountServiceAccountToken: false,
      containers: [
        {
          name,
          image,
          args,
          readinessProbe: { tcpSocket: { port: rehearsalPort }, periodSeconds: 1 },
          resources: { requests: { cpu: "50m", memory: "64Mi" } },
          volumeMounts: [
            { name: "tls", mountPath: "/tls", readOnly: true },
            { name: "data", mountPath: "/data" },
          ],
        },
      ],
      volumes: [
        { name: "tls", secret: { secretName: "tls", defaultMode: 0o440 } },
        { name: "data", emptyDir: {} },
      ],
    },
  };
  const deployment = { selector: { matchLabels: { app: name } }, template, strategy: { type: "Recreate" } };
  const service = { selector: { app: name }, ports: [{ port: rehearsalPort }] };
  return [
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: deployment } as KubernetesObject,
    { apiVersion: "v1", kind: "Service", metadata, spec: service } as KubernetesObject,
  ];
}
