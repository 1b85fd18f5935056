/** Renders a Git forge and a scripted model for a cluster, with a certificate and a token of their own, and what users need of them. */
import { randomBytes } from "node:crypto";
import { access, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { ensureCertificates } from "@orchestrator/local-cluster";
import { stringify } from "yaml";
import { runProgram } from "./images/run-program.ts";

const { values } = parseArgs({
  options: {
    /** Where the image lies for the cluster. */
    repository: { type: "string", default: "orchestrator" },
    output: { type: "string", default: "dist/rehearsal" },
  },
});
const { repository, output } = values;
const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };

const namespace = "orchestrator-rehearsal";
const port = 8443;
const hostOf = (name: string): string => `${name}.${namespace}.svc`;

/** A file that stays as it is when everything is rendered again, for a cluster may know it. */
async function keep(file: string, content: string): Promise<string> {
  const path = join(output, file);
  try {
    await access(path);
  } catch {
    await writeFile(path, content, { mode: 0o600 });
  }
  return path;
}

await mkdir(output, { recursive: true });
const certificates = await ensureCertificates(join(output, "pki"), new Date(), [hostOf("forge"), hostOf("model")]);
const token = await keep("token", `rehearsal_${randomBytes(20).toString("hex")}`);
const apiKey = await keep("api-key", "rehearsal-opens-nothing");

const folder = join(".tools", "rehearsal");
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const { certFile, keyFile } = certificates.server;
for (const [path, name] of [
  [certFile, "tls.crt"],
  [keyFile, "tls.key"],
  [token, "token"],
] as const) {
  await cp(path, join(folder, name));
}
const kustomization = {
  apiVersion: "kustomize.config.k8s.io/v1beta1",
  kind: "Kustomization",
  namespace,
  resources: [relative(folder, "deploy/rehearsal")],
  secretGenerator: [{ name: "rehearsal", files: ["tls.crt", "tls.key", "token"] }],
  images: [{ name: "orchestrator/rehearsal", newName: `${repository}/rehearsal`, newTag: version }],
};
await writeFile(join(folder, "kustomization.yaml"), stringify(kustomization));
const rendered = await runProgram("kubectl", ["kustomize", folder]);
await writeFile(join(output, "rehearsal.yaml"), rendered, { mode: 0o600 });
await rm(folder, { recursive: true });

/** What docs/install.md calls what a reader has. */
const variables = {
  CA_FILE: certificates.caFile,
  MODEL_URL: `https://${hostOf("model")}:${port}`,
  OPEN: `${namespace}:${port}`,
  TEAM: "team-a",
  API_KEY_FILE: apiKey,
  TOKEN_FILE: token,
  FORGE_HOST: `${hostOf("forge")}:${port}`,
  REPOSITORY_URL: `https://${hostOf("forge")}:${port}/local/backlog.git`,
};
const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${value}\n`);
await writeFile(join(output, "variables"), lines.join(""));
for (const file of ["rehearsal.yaml", "variables"]) process.stdout.write(`${join(output, file)}\n`);
