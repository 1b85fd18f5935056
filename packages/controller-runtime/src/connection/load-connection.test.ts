import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConnectionConfigError } from "./connection-error.ts";
import { inClusterConnection } from "./in-cluster.ts";
import { loadConnection } from "./load-connection.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "connection-"));
});

afterEach(() => rm(directory, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

function kubeconfig(name: string, user = `{ token: token-${name} }`): string {
  return `
apiVersion: v1
kind: Config
clusters: [{ name: ${name}, cluster: { server: "https://${name}.example:6443/" } }]
users: [{ name: ${name}, user: ${user} }]
contexts: [{ name: ${name}, context: { cluster: ${name}, user: ${name}, namespace: ns-${name} } }]
current-context: ${name}
`;
}

describe("a kubeconfig", () => {
  it("names server, namespace and token", async () => {
    const path = await write("config", kubeconfig("a"));
    const connection = await loadConnection({ kubeconfig: path, env: {} });
    expect(connection).toMatchObject({ server: "https://a.example:6443", namespace: "ns-a" });
    expect(await connection.readCredentials()).toMatchObject({ authorization: "Bearer token-a" });
  });

  it("may give certificates in files beside it", async () => {
    await write("client.crt", "the certificate");
    await write("client.key", "the key");
    const path = await write("config", kubeconfig("a", "{ client-certificate: client.crt, client-key: client.key }"));
    const connection = await loadConnection({ kubeconfig: path, env: {} });
    expect(await connection.readCredentials()).toMatchObject({ cert: "the certificate", key: "the key" });
  });

  it("may ask a program for the token", async () => {
    const credential =
      '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}';
    const exec = `{ exec: { apiVersion: client.authentication.k8s.io/v1, command: echo, args: ['${credential}'] } }`;
    const path = await write("config", kubeconfig("a", exec));
    const connection = await loadConnection({ kubeconfig: path, env: {} });
    expect(await connection.readCredentials()).toMatchObject({ authorization: "Bearer t" });
  });

  it("may give name and password", async () => {
    const path = await write("config", kubeconfig("a", "{ username: u, password: p }"));
    const connection = await loadConnection({ kubeconfig: path, env: {} });
    expect(await connection.readCredentials()).toMatchObject({ authorization: "Basic dTpw" });
  });

  it("may name a server without TLS", async () => {
    const path = await write("config", kubeconfig("a").replace("https://a.example:6443/", "http://127.0.0.1:8001"));
    const connection = await loadConnection({ kubeconfig: path, env: {} });
    expect(connection.server).toBe("http://127.0.0.1:8001");
    expect(await connection.readCredentials()).toMatchObject({ authorization: "Bearer token-a" });
  });

  it("may be several files, of which the first names the current context", async () => {
    const paths = `${await write("a", kubeconfig("a"))}:${await write("b", kubeconfig("b"))}`;
    expect(await loadConnection({ env: { KUBECONFIG: paths } })).toMatchObject({ server: "https://a.example:6443" });
    expect(await loadConnection({ env: { KUBECONFIG: paths }, context: "b" })).toMatchObject({ namespace: "ns-b" });
  });
});

describe("an unusable kubeconfig", () => {
  it("that is missing is named", async () => {
    const path = join(directory, "missing");
    const loading = loadConnection({ kubeconfig: path, env: {} });
    await expect(loading).rejects.toThrow(ConnectionConfigError);
    await expect(loading).rejects.toThrow(`kubeconfig ${path} cannot be read`);
  });

  it("that is damaged is named with the line, and its secrets are not", async () => {
    const path = await write("config", "users:\n- user: { token: hush-hush\n  name: [\n");
    const error: unknown = await loadConnection({ kubeconfig: path, env: {} }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectionConfigError);
    expect((error as Error).message).toMatch(/at line \d+$/);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("hush-hush");
    expect((error as Error).cause).toBeUndefined();
  });

  it("without the wanted context lists those it has", async () => {
    const path = await write("config", kubeconfig("a"));
    await expect(loadConnection({ kubeconfig: path, context: "b", env: {} })).rejects.toThrow(
      'no cluster for context "b": choose one of [a]',
    );
  });

  it("without a current context says so", async () => {
    const path = await write("config", "apiVersion: v1\nkind: Config\n");
    await expect(loadConnection({ kubeconfig: path, env: {} })).rejects.toThrow("current-context");
  });
});

describe("without a kubeconfig", () => {
  it("the home folder's is used", async () => {
    await mkdir(join(directory, ".kube"));
    await write(".kube/config", kubeconfig("home"));
    expect(await loadConnection({ env: { HOME: directory } })).toMatchObject({ namespace: "ns-home" });
  });

  it("and without one in the home folder, the error tells what to set", async () => {
    await expect(loadConnection({ env: { HOME: directory } })).rejects.toThrow("set KUBECONFIG");
  });

  it("a pod without a ServiceAccount is told what to mount", async () => {
    const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443", HOME: directory };
    await expect(loadConnection({ env })).rejects.toThrow("automountServiceAccountToken");
  });
});

describe("in a pod", () => {
  it.each([
    { host: "10.0.0.1", server: "https://10.0.0.1:443" },
    { host: "fd00::1", server: "https://[fd00::1]:443" },
  ])("the server is $server", async ({ host, server }) => {
    await write("namespace", "mine\n");
    expect(await inClusterConnection({ host, port: "443" }, directory)).toMatchObject({ server, namespace: "mine" });
  });

  it("the token is the one that is there now", async () => {
    await write("namespace", "mine");
    await write("ca.crt", "the authority");
    await write("token", "first\n");
    const connection = await inClusterConnection({ host: "10.0.0.1", port: "443" }, directory);
    expect(await connection.readCredentials()).toEqual({ ca: "the authority", authorization: "Bearer first" });
    await write("token", "second\n");
    expect(await connection.readCredentials()).toMatchObject({ authorization: "Bearer second" });
  });
});
