import { docsFolder, type RunInputs } from "@orchestrator/core/pure";
import type { FileChange } from "../mirror/mirror.ts";
import { RunFailure } from "../../steps/run-failure.ts";
import type { SecretFinding } from "./find-secrets.ts";
import { submoduleMode } from "./submodules.ts";

/** Forges take no larger files without a word; nothing that an agent writes by hand comes near. */
const fileSizeLimit = 10 * 1024 * 1024;

/** Git's modes of what is not plain content: a link may point out of the repository, a submodule anywhere. */
const linkModes: readonly string[] = ["120000", submoduleMode];

/**
 * Refuses work that must not leave the pod.
 *
 * @throws RunFailure DeliveryRefused, naming the file
 */
export function checkChanges(
  inputs: RunInputs,
  changes: readonly FileChange[],
  secrets: readonly SecretFinding[],
): void {
  const [secret] = secrets;
  if (secret !== undefined) {
    const where = `${secret.path}, line ${secret.line}`;
    throw refused(
      `${where} looks like ${secret.kind}: it must not be in any commit of the branch, not even a removed one`,
    );
  }
  if (inputs.kind === "DocsGenerationRun") checkDocsPaths(`${docsFolder(inputs.workingDirectory)}/`, changes);
}

/**
 * Refuses files that are too large to be delivered, and to be looked into.
 *
 * @throws RunFailure DeliveryRefused, naming the file
 */
export function checkSizes(changes: readonly FileChange[]): void {
  const large = changes.find(({ bytes }) => bytes > fileSizeLimit);
  if (large === undefined) return;
  throw refused(`${large.path} has ${large.bytes} bytes; at most ${fileSizeLimit} are delivered`);
}

function checkDocsPaths(folder: string, changes: readonly FileChange[]): void {
  const outside = changes.find(({ path }) => !path.startsWith(folder));
  if (outside !== undefined) {
    throw refused(`${outside.path} was changed, but a run that writes documents may change files below ${folder} only`);
  }
  const link = changes.find(({ mode }) => linkModes.includes(mode));
  if (link !== undefined) throw refused(`${link.path} is a link; documents have to be plain files`);
}

function refused(message: string): RunFailure {
  return new RunFailure("DeliveryRefused", message);
}
