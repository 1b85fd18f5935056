import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** Paths of a certificate and its private key, both PEM. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** Everything of a local cluster that is signed: one authority, one server certificate, one client certificate for each user. */
export interface Certificates {
  caFile: string;
  /** For 127.0.0.1, localhost and the API server's service address; shared by all that listens on loopback. */
  server: CertificateFiles;
  clients: Record<ClientName, CertificateFiles>;
  /** Signs ServiceAccount tokens. */
  serviceAccount: { publicKeyFile: string; privateKeyFile: string };
}

/** Who may speak to the API server with a certificate, and as whom: the common name is the user, the organization the group. */
const clientSubjects = {
  admin: "CN=local-admin, O=system:masters",
  node: "CN=local-node, O=system:masters",
  provisioner: "CN=local-provisioner, O=system:masters",
  "kube-apiserver": "CN=kube-apiserver, O=system:masters",
  "kube-controller-manager": "CN=system:kube-controller-manager",
  "kube-scheduler": "CN=system:kube-scheduler",
} as const;

export type ClientName = keyof typeof clientSubjects;

export const clientNames = Object.keys(clientSubjects) as ClientName[];

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const VALIDITY_DAYS = 3650;

/** The certificates in `directory`, made when they are not there yet. */
export async function ensureCertificates(directory: string, now: Date): Promise<Certificates> {
  await ensureDirectory(directory, (unfinished) => createCertificates(unfinished, now));
  return paths(directory);
}

/** An authority in `directory` and a server certificate of it for these names, made when they are not there yet. */
export async function ensureServerCertificate(
  directory: string,
  now: Date,
  dnsNames: readonly string[],
): Promise<Pick<Certificates, "caFile" | "server">> {
  await ensureDirectory(directory, async (unfinished) => {
    const { caFile, server } = paths(unfinished);
    const authority = await createAuthority(now);
    await writeFile(caFile, authority.certificate.toString("pem"));
    const names = new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: "dns", value })));
    const extensions = [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]), names];
    await issue(authority, server, { subject: "CN=orchestrator rehearsal", extensions, now });
  });
  const { caFile, server } = paths(directory);
  return { caFile, server };
}

/** Filled by `create` when it is not there, and never seen half full. */
async function ensureDirectory(directory: string, create: (unfinished: string) => Promise<void>): Promise<void> {
  const exists = await stat(directory).then(
    () => true,
    () => false,
  );
  if (exists) return;
  const unfinished = `${directory}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  await create(unfinished);
  await rename(unfinished, directory);
}

async function createCertificates(directory: string, now: Date): Promise<void> {
  const files = paths(directory);
  const authority = await createAuthority(now);
  await writeFile(files.caFile, authority.certificate.toString("pem"));
  await writeServiceAccountKeys(files.serviceAccount);
  // etcd dials itself with its server certificate, which therefore must pass as a client's, too.
  const serverUse = new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]);
  const names = new SubjectAlternativeNameExtension([
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "10.0.0.1" },
    { type: "dns", value: "localhost" },
    { type: "dns", value: "kubernetes.default.svc" },
  ]);
  await issue(authority, files.server, { subject: "CN=local-server", extensions: [serverUse, names], now });
  for (const name of clientNames) {
    const extensions = [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])];
    await issue(authority, files.clients[name], { subject: clientSubjects[name], extensions, now });
  }
}

interface Authority {
  certificate: X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}

async function createAuthority(now: Date): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=orchestrator local authority",
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(now),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  return { certificate, keys };
}

async function issue(
  authority: Authority,
  files: CertificateFiles,
  { subject, extensions, now }: { subject: string; extensions: Extension[]; now: Date },
): Promise<void> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    ...validity(now),
    extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions],
  });
  await writeFile(files.certFile, certificate.toString("pem"));
  await writeFile(files.keyFile, await privateKeyPem(keys), { mode: 0o600 });
}

async function writeServiceAccountKeys(files: Certificates["serviceAccount"]): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await writeFile(files.publicKeyFile, publicKey);
  await writeFile(files.privateKeyFile, privateKey, { mode: 0o600 });
}

function validity(now: Date): { notBefore: Date; notAfter: Date } {
  // Begins an hour early, for machines whose clocks are set while the cluster runs.
  return {
    notBefore: new Date(now.getTime() - DAY_MS / 24),
    notAfter: new Date(now.getTime() + VALIDITY_DAYS * DAY_MS),
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

async function privateKeyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
}

function paths(directory: string): Certificates {
  const pair = (name: string): CertificateFiles => ({
    certFile: join(directory, `${name}.crt`),
    keyFile: join(directory, `${name}.key`),
  });
  return {
    caFile: join(directory, "ca.crt"),
    server: pair("server"),
    clients: Object.fromEntries(clientNames.map((name) => [name, pair(name)])) as Record<ClientName, CertificateFiles>,
    serviceAccount: {
      publicKeyFile: join(directory, "service-account.pub"),
      privateKeyFile: join(directory, "service-account.key"),
    },
  };
}
