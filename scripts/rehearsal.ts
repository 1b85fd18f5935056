/** Renders a Git forge and a scripted model for a cluster, with a certificate and a token of their own, and what users need of them. */
import { randomBytes } from "node:crypto";
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureServerCertificate } from "@orchestrator/local-cluster";
import { stringify } from "yaml";
import { imageReference, loadedRepository } from "./images/image-reference.ts";
import { runProgram } from "./images/run-program.ts";

const { values } = parseArgs({
  options: {
    /** Folder of `make images`. */
    images: { type: "string", default: ".tools/images" },
    /** Where the image lies in a registry. Default: it is loaded into nodes. */
    repository: { type: "string" },
    output: { type: "string", default: "dist/rehearsal" },
  },
});
const { images, repository, output } = values;
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

/** The manifests, with these files in the Secret that forge and model read. */
async function render(files: Record<string, string>): Promise<string> {
  await mkdir(".tools", { recursive: true });
  // kustomize reads no folder outside that of its kustomization but by a relative path.
  const folder = await mkdtemp(join(".tools", "rehearsal-"));
  try {
    for (const [name, path] of Object.entries(files)) await cp(path, join(folder, name));
    const image = await imageReference("rehearsal", { repository, images, tag: version });
    const kustomization = {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      namespace,
      resources: [relative(folder, "deploy/rehearsal")],
      secretGenerator: [{ name: "rehearsal", files: Object.keys(files) }],
      images: [{ name: `${loadedRepository}/rehearsal`, ...image }],
    };
    await writeFile(join(folder, "kustomization.yaml"), stringify(kustomization));
    return await runProgram("kubectl", ["kustomize", folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

await mkdir(output, { recursive: true });
const hosts = [hostOf("forge"), hostOf("model")];
const { caFile, server } = await ensureServerCertificate(join(output, "pki"), new Date(), hosts);
const token = await keep("token", `rehearsal_${randomBytes(20).toString("hex")}`);
const apiKey = await keep("api-key", `rehearsal_${randomBytes(20).toString("hex")}`);
const manifests = await render({ "tls.crt": server.certFile, "tls.key": server.keyFile, token });
await writeFile(join(output, "rehearsal.yaml"), manifests, { mode: 0o600 });

/** By the names that docs/install.md gives them. */
const variables = {
  CA_FILE: resolve(caFile),
  MODEL_URL: `https://${hostOf("model")}:${port}`,
  OPEN: `${namespace}:${port}`,
  TEAM: "team-a",
  API_KEY_FILE: resolve(apiKey),
  TOKEN_FILE: resolve(token),
  FORGE_HOST: `${hostOf("forge")}:${port}`,
  REPOSITORY_URL: `https://${hostOf("forge")}:${port}/local/backlog.git`,
};
const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
await writeFile(join(output, "variables"), lines.join(""));
for (const file of ["rehearsal.yaml", "variables"]) process.stdout.write(`${join(output, file)}\n`);
