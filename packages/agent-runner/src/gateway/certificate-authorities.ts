import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates } from "node:tls";

/** Whom the gateway trusts: the public authorities, and those of the operator's setting. */
export interface CertificateAuthorities {
  /** PEM texts. */
  certificates: string[];
  /** The same in one file, for Git. */
  file: string;
}

/** Writes them below `directory`. `caBundle` is PEM text. */
export async function trustAuthorities(directory: string, caBundle?: string): Promise<CertificateAuthorities> {
  const certificates = [...getCACertificates("default"), ...(caBundle === undefined ? [] : [caBundle])];
  const file = join(directory, "authorities.pem");
  await writeFile(file, `${certificates.map((text) => text.trim()).join("\n")}\n`);
  return { certificates, file };
}
