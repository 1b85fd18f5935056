import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { getBinaries } from "./get-binaries.ts";
import { ETCD_VERSION, KUBERNETES_VERSION, programs } from "./versions.ts";

const NOWHERE = "http://127.0.0.1:1";
const architecture = process.arch === "arm64" ? "arm64" : "amd64";

let folder: string;
let cache: string;
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "binaries-"));
  cache = join(folder, "xdg", "orchestrator", "control-plane", KUBERNETES_VERSION);
  lines = [];
  await mkdir(join(folder, "bin"));
  for (const tool of ["cat", "chmod", "flock", "gzip", "sh", "tar"]) {
    const path = (process.env["PATH"] ?? "").split(delimiter).map((entry) => join(entry, tool));
    const found = await Promise.all(
      path.map((entry) =>
        stat(entry)
          .then(() => entry)
          .catch(() => undefined),
      ),
    );
    await symlink(found.find((entry) => entry !== undefined) ?? tool, join(folder, "bin", tool));
  }
  return () => rm(folder, { recursive: true, force: true });
});

/** Gets the programs on a machine that has nothing but what the test put into `folder`. */
function get(
  releases: { kubernetes: string; etcd: string } = { kubernetes: NOWHERE, etcd: NOWHERE },
  proxies: Record<string, string> = {},
) {
  const env = {
    ...proxies,
    PATH: join(folder, "bin"),
    XDG_CACHE_HOME: join(folder, "xdg"),
    KUBEBUILDER_ASSETS: join(folder, "assets"),
  };
  return getBinaries({ env, releases, signal: AbortSignal.timeout(20_000), log: (line) => lines.push(line) });
}

async function script(path: string, text: string): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}

/** A Go that says it is `version` and builds scripts, noting each build in `built`. */
function fakeGo(version: string): Promise<void> {
  return script(
    join(folder, "bin", "go"),
    `case $1 in
      version) echo "go version ${version} linux/amd64" ;;
      build)
        while [ "$1" != -o ]; do shift; done
        echo "$3" >> ${join(folder, "built")}
        echo "#!/bin/sh" > "$2"; chmod 755 "$2" ;;
    esac`,
  );
}

/** A release host; `damage` changes what is served without changing its checksum. */
async function releaseHost(damage = ""): Promise<{ kubernetes: string; etcd: string; asked: string[] }> {
  const name = `etcd-${ETCD_VERSION}-linux-${architecture}`;
  await script(join(folder, name, "etcd"), "echo etcd");
  const archive = execFileSync("tar", ["-cz", "-C", folder, `${name}/etcd`]);
  const files = new Map<string, string | Buffer>();
  const checksum = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");
  for (const program of programs.filter((one) => one !== "etcd")) {
    const path = `/kubernetes/${KUBERNETES_VERSION}/bin/linux/${architecture}/${program}`;
    files.set(path, `#!/bin/sh\necho ${program}${damage}\n`);
    files.set(`${path}.sha256`, checksum(`#!/bin/sh\necho ${program}\n`));
  }
  files.set(`/etcd/${ETCD_VERSION}/${name}.tar.gz`, archive);
  files.set(
    `/etcd/${ETCD_VERSION}/SHA256SUMS`,
    `${"0".repeat(64)}  other.tar.gz\n${checksum(archive)}  ${name}.tar.gz\n`,
  );
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const file = files.get(request.url ?? "");
    if (file === undefined) response.writeHead(404);
    response.end(file);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { kubernetes: `${url}/kubernetes`, etcd: `${url}/etcd`, asked };
}

describe("the programs of the control plane", () => {
  test("come from KUBEBUILDER_ASSETS in the pinned version, and else from the cache", async () => {
    await script(join(folder, "assets/etcd"), `echo "etcd Version: ${ETCD_VERSION.slice(1)}"`);
    await script(join(folder, "assets/kube-apiserver"), "echo Kubernetes v1.30.0");
    await script(join(folder, "assets/kubectl"), `[ "$1" = version ] && echo "Client Version: ${KUBERNETES_VERSION}"`);
    for (const program of programs) await script(join(cache, program), "");
    expect(await get()).toEqual({
      etcd: join(folder, "assets/etcd"),
      "kube-apiserver": join(cache, "kube-apiserver"),
      "kube-controller-manager": join(cache, "kube-controller-manager"),
      "kube-scheduler": join(cache, "kube-scheduler"),
      kubectl: join(folder, "assets/kubectl"),
    });
  });

  test("are downloaded when their checksums are right, and kept in the cache", async () => {
    const host = await releaseHost();
    const binaries = await get(host);
    for (const program of programs) {
      expect(binaries[program]).toBe(join(cache, program));
      expect(execFileSync(binaries[program], { encoding: "utf8" })).toBe(`${program}\n`);
    }
    const asked = host.asked.length;
    await get(host);
    expect(host.asked).toHaveLength(asked);
    expect((await readdir(cache)).toSorted()).toEqual([...programs].toSorted());
  });

  test("are downloaded through the proxy of the given environment", async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(403).end();
    });
    proxy.on("connect", ({ url = "" }, socket) => {
      asked.push(url);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    onTestFinished(() => void proxy.close());
    const HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const release = "http://releases.invalid";
    await expect(get({ kubernetes: release, etcd: release }, { HTTP_PROXY })).rejects.toThrow("no way to get");
    expect(asked.join("\n")).toContain("releases.invalid");
  });

  test("are not taken from a download whose checksum is wrong", async () => {
    const host = await releaseHost(" damaged");
    await expect(get(host)).rejects.toThrow(/kube-apiserver does not have the published checksum/);
    expect(await readdir(cache)).not.toContain("kube-apiserver");
  });

  test("are built with Go when there is no network, once, however many ask at the same time", async () => {
    await fakeGo("go1.26.1");
    const [first, second] = await Promise.all([get(), get()]);
    expect(first).toEqual(second);
    expect(Object.values(first)).toEqual(programs.map((program) => join(cache, program)));
    expect((await readFile(join(folder, "built"), "utf8")).trim().split("\n").toSorted()).toEqual([
      "go.etcd.io/etcd/server/v3",
      "k8s.io/kubernetes/cmd/kube-apiserver",
      "k8s.io/kubernetes/cmd/kube-controller-manager",
      "k8s.io/kubernetes/cmd/kube-scheduler",
      "k8s.io/kubernetes/cmd/kubectl",
    ]);
    expect(lines.join("\n")).toMatch(/127\.0\.0\.1:1 cannot be reached/);
  });

  test("leave nothing behind of a download that was killed", async () => {
    await fakeGo("go1.26.1");
    await script(join(cache, ".etcd-Xy12/download"), "");
    await get();
    expect((await readdir(cache)).toSorted()).toEqual([...programs].toSorted());
  });

  test("are not asked for at a host again that cannot be reached", async () => {
    await fakeGo("go1.26.1");
    await get();
    expect(lines.filter((line) => line.includes("cannot be reached"))).toHaveLength(1);
  });

  test("cannot be got: one line names all four ways and what is wrong with each", async () => {
    const error = await get().then(() => undefined, String);
    expect(error).toContain(`no way to get etcd ${ETCD_VERSION}`);
    expect(error).toContain(`KUBEBUILDER_ASSETS: has no etcd`);
    expect(error).toContain(`the cache: ${cache} has no etcd`);
    expect(error).toContain("the official release: 127.0.0.1:1 cannot be reached");
    expect(error).toContain("a build with Go: there is no go on the PATH; Go >= 1.26 is needed");
    expect(error).not.toContain("\n");
  });

  test.each(["go1.25.9", "go1.9"])("are not built by %s, which is too old", async (version) => {
    await fakeGo(version);
    await expect(get()).rejects.toThrow(`the installed Go is too old (${version}); Go >= 1.26 is needed`);
  });

  test("are not built by a Go that may not fetch the newer one it needs", async () => {
    const said = "go: go.mod requires go >= 1.26.0 (running go 1.24.1; GOTOOLCHAIN=local)";
    await script(join(folder, "bin", "go"), `echo "${said}" >&2; exit 1`);
    await expect(get()).rejects.toThrow(`Go >= 1.26 is needed: ${said}`);
  });

  test("are not left in part by a build that fails", async () => {
    await script(
      join(folder, "bin", "go"),
      `[ "$1" = version ] && { echo go version go1.26.1; exit; }; while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo half > "\${GOTMPDIR:?}/object"; echo no space >&2; exit 1`,
    );
    await expect(get()).rejects.toThrow(/go build of etcd failed: no space/);
    expect(await readdir(cache)).toEqual([]);
  });
});
