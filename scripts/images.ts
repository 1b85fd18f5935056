/** Builds the images with buildah, each as an archive for `LOAD_IMAGE` and in one OCI layout to be copied to a registry. */
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { agentCliPath } from "@orchestrator/local-cluster";
import { bundle } from "./bundle.ts";
import { loadedRepository } from "./images/image-reference.ts";
import { ensureRootFilesystem } from "./images/root-filesystem.ts";
import { runProgram } from "./images/run-program.ts";

interface Image {
  name: string;
  /** Folder of `images/` with its Containerfile. */
  recipe: string;
  /** Puts what the Containerfile copies into the build's folder. */
  stage: (context: string) => Promise<void>;
}

/** What is known of an image that has been built. */
interface BuiltImage {
  reference: string;
  /** Of all that it was built from. */
  inputs: string;
  /** Of its manifest, as a registry names it. */
  digest: string;
  compressedBytes: number;
}

const { values } = parseArgs({
  options: {
    /** An image for all others to start from, instead of our own. */
    base: { type: "string" },
    /** Prefix of the images' names. */
    repository: { type: "string", default: loadedRepository },
    output: { type: "string", default: ".tools/images" },
    /** Folder of the packages whose bundles are put into the images. */
    packages: { type: "string", default: "packages" },
    /** Default: the version of this working copy. */
    tag: { type: "string" },
  },
});
const { base, repository, output, packages, tag } = values;
const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
// What stands in the names of files: archives of another version lie beside our own.
const suffix = tag === undefined ? "" : `-${tag}`;
const layout = join(output, "oci");
// Every file and every image has this date, so that the same content has the same digest.
const timestamp = process.env["SOURCE_DATE_EPOCH"] || "0";

const stageBundle = (name: string) => (context: string) =>
  cp(`${packages}/${name}/dist`, join(context, "bundle"), { recursive: true });

const images: Image[] = [
  ...(base === undefined ? [{ name: "base", recipe: "base", stage: stageBase }] : []),
  ...["docs-generation-operator", "task-implementation-operator"].map((name) => ({
    name,
    recipe: "operator",
    stage: stageBundle(name),
  })),
  { name: "agent", recipe: "agent", stage: stageAgent },
  ...(tag === undefined ? [{ name: "rehearsal", recipe: "rehearsal", stage: stageRehearsal }] : []),
];

async function stageBase(context: string): Promise<void> {
  await cp(process.execPath, join(context, "node"));
  await cp(await ensureRootFilesystem(output, timestamp), join(context, "rootfs.tar"));
}

async function stageAgent(context: string): Promise<void> {
  await stageBundle("agent-runner")(context);
  // As npm has installed it, by the checksum in the lock file.
  await cp(agentCliPath(), join(context, "claude"), { dereference: true });
  await cp("packages/local-cluster/images/agent/agent-runner", join(context, "agent-runner"));
  await Promise.all(["claude", "agent-runner"].map((file) => chmod(join(context, file), 0o755)));
}

async function stageRehearsal(context: string): Promise<void> {
  const folder = "packages/local-cluster";
  const entries = { forge: `${folder}/src/forge/main.ts`, "rehearsal-model": `${folder}/src/rehearsal-model/main.ts` };
  await bundle({ folder, entries });
  await cp(`${folder}/dist`, join(context, "bundle"), { recursive: true });
}

async function hashFolder(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const entry of (await readdir(folder, { recursive: true })).toSorted()) {
    const path = join(folder, entry);
    const info = await stat(path);
    hash.update(`${entry}\0${info.mode & 0o777}\0`);
    if (info.isFile()) hash.update(await readFile(path));
  }
  return hash.digest("hex");
}

async function buildah(command: string, args: string[]): Promise<string> {
  const store = ["--root", join(output, "store"), "--runroot", join(output, "run")];
  return await runProgram("buildah", [...store, command, ...args]);
}

/** Builds an image unless it is there already, made from the same files. */
async function build({ name, recipe, stage }: Image, basedOn: string): Promise<BuiltImage> {
  const context = join(output, "context", name);
  await rm(context, { recursive: true, force: true });
  await mkdir(context, { recursive: true });
  await stage(context);
  await cp(join("images", recipe, "Containerfile"), join(context, "Containerfile"));
  const reference = `${repository}/${name}:${tag ?? version}`;
  const inputs = createHash("sha256")
    .update([reference, basedOn, timestamp, await hashFolder(context)].join("\n"))
    .digest("hex");
  const known = await readBuilt(name);
  const image = known?.inputs === inputs ? known : await make({ name, context, reference, inputs, basedOn });
  await rm(context, { recursive: true, force: true });
  return image;
}

async function make(options: {
  name: string;
  context: string;
  reference: string;
  inputs: string;
  basedOn: string;
}): Promise<BuiltImage> {
  const { name, context, reference, inputs, basedOn } = options;
  const constant = ["--timestamp", timestamp, "--identity-label=false", "--omit-history"];
  await buildah("bud", [
    "--quiet",
    "--isolation",
    "chroot",
    ...constant,
    "--build-arg",
    `BASE=${basedOn}`,
    "-t",
    reference,
    context,
  ]);
  const archive = join(output, `${name}${suffix}.tar`);
  await rm(archive, { force: true });
  await buildah("push", ["--quiet", reference, `docker-archive:${archive}:${reference}`]);
  const digestFile = join(output, `${name}.digest`);
  await buildah("push", [
    "--quiet",
    "--format",
    "oci",
    "--digestfile",
    digestFile,
    reference,
    `oci:${layout}:${name}${suffix}`,
  ]);
  const digest = (await readFile(digestFile, "utf8")).trim();
  const image = { reference, inputs, digest, compressedBytes: await compressedSize(digest) };
  await rm(digestFile);
  await writeFile(join(output, `${name}${suffix}.json`), `${JSON.stringify(image, null, 2)}\n`);
  return image;
}

async function readBuilt(name: string): Promise<BuiltImage | undefined> {
  try {
    await stat(join(output, `${name}${suffix}.tar`));
    return JSON.parse(await readFile(join(output, `${name}${suffix}.json`), "utf8")) as BuiltImage;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function compressedSize(digest: string): Promise<number> {
  const blob = join(layout, "blobs", digest.replace(":", "/"));
  const { layers } = JSON.parse(await readFile(blob, "utf8")) as { layers: { size: number }[] };
  return layers.reduce((sum, { size }) => sum + size, 0);
}

await mkdir(output, { recursive: true });
let basedOn = base ?? "";
for (const image of images) {
  const { reference, digest, compressedBytes } = await build(image, basedOn);
  if (image.name === "base") basedOn = reference;
  const megabytes = (compressedBytes / 1_000_000).toFixed(1).padStart(6);
  process.stdout.write(`${reference.padEnd(46)} ${megabytes} MB compressed  ${digest}\n`);
}
