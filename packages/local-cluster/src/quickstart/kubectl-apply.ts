import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** kubectl refused an object. */
export class ApplyRefused extends Error {
  override readonly name = "ApplyRefused";
}

/**
 * Applies one object with the real kubectl, as a person would.
 * @returns what kubectl said
 * @throws ApplyRefused with kubectl's words
 */
export async function kubectlApply(
  { kubectl, kubeconfig }: { kubectl: string; kubeconfig: string },
  object: object,
  signal: AbortSignal,
): Promise<string> {
  const child = spawn(kubectl, ["--kubeconfig", kubeconfig, "apply", "-f", "-"], { signal });
  child.stdin.end(JSON.stringify(object));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [code, said, complaint] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new ApplyRefused(`kubectl apply was refused: ${complaint.trim()}`);
  return said.trim();
}
