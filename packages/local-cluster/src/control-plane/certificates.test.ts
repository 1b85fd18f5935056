import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Certificates, clientNames, ensureCertificates } from "./certificates.ts";

const now = new Date("2026-03-01T12:00:00Z");

async function make(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), "certificates-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return ensureCertificates(join(folder, "pki"), now);
}

async function read(path: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(path));
}

test("one authority signs all, for ten years", async () => {
  const files = await make();
  const authority = await read(files.caFile);
  expect(authority.ca).toBe(true);
  for (const { certFile, keyFile } of [files.server, ...clientNames.map((name) => files.clients[name])]) {
    const certificate = await read(certFile);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(new Date(certificate.validFrom) < now).toBe(true);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(2036);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  }
});

test("the server's is for loopback and the API server's service address", async () => {
  const { server } = await make();
  const certificate = await read(server.certFile);
  for (const address of ["127.0.0.1", "10.0.0.1"]) expect(certificate.checkIP(address)).toBe(address);
  expect(certificate.checkHost("localhost")).toBe("localhost");
  expect(certificate.checkHost("example.com")).toBeUndefined();
});

test("each client is the user that Kubernetes knows it by", async () => {
  const { clients } = await make();
  const subject = async (name: keyof typeof clients): Promise<string> => (await read(clients[name].certFile)).subject;
  expect(await subject("admin")).toBe("CN=local-admin\nO=system:masters");
  expect(await subject("kube-scheduler")).toBe("CN=system:kube-scheduler");
  expect(await subject("kube-controller-manager")).toBe("CN=system:kube-controller-manager");
});

test("those that exist are kept", async () => {
  const files = await make();
  const before = await readFile(files.caFile, "utf8");
  const again = await ensureCertificates(join(files.caFile, ".."), now);
  expect(again).toEqual(files);
  expect(await readFile(files.caFile, "utf8")).toBe(before);
});
