/** Where a secret was found; the secret itself is not told. */
export interface SecretFinding {
  path: string;
  line: number;
  /** What it looks like, such as `a GitHub token`. */
  kind: string;
}

const shapes: Readonly<Record<string, RegExp>> = {
  "a private key": /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----/,
  "a GitHub token": /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})/,
  "a GitLab token": /\bglpat-[\w-]{20,}/,
  "an Anthropic key": /\bsk-ant-[\w-]{20,}/,
  "an OpenAI key": /\bsk-(?:proj-)?[A-Za-z0-9]{32,}/,
  "a Slack token": /\bxox[abeprs]-[\w-]{10,}/,
  "a Google API key": /\bAIza[\w-]{35}/,
  "a Stripe key": /\b[rs]k_live_[A-Za-z0-9]{24,}/,
  "an npm token": /\bnpm_[A-Za-z0-9]{36}\b/,
  // The provider's own documentation has keys that end so.
  "an AWS access key": /\b(?:AKIA|ASIA)(?![0-9A-Z]*EXAMPLE)[0-9A-Z]{16}\b/,
};

/**
 * Looks for secrets in what a patch adds.
 *
 * @param patch unified diff without context and without renames
 * @param paths its files, in their order
 * @param known secrets that the gateway itself holds
 */
export function findSecrets(patch: string, paths: readonly string[], known: readonly string[]): SecretFinding[] {
  const findings: SecretFinding[] = [];
  let file = -1;
  let line = 0;
  let inHunk = false;
  for (const text of patch.split("\n")) {
    if (text.startsWith("diff --git ")) {
      file += 1;
      inHunk = false;
    } else if (text.startsWith("@@ ")) {
      inHunk = true;
      line = Number(/\+(\d+)/.exec(text)?.[1] ?? 1);
    } else if (inHunk && text.startsWith("+")) {
      const kind = secretKind(text, known);
      if (kind !== undefined) findings.push({ path: paths[file] ?? "", line, kind });
      line += 1;
    }
  }
  return findings;
}

/** What in a text looks like a secret, such as `a GitHub token`. */
export function secretKind(text: string, known: readonly string[]): string | undefined {
  if (known.some((secret) => text.includes(secret))) return "a credential of this run";
  return Object.keys(shapes).find((kind) => shapes[kind]?.test(text));
}
