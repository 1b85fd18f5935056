import { RunFailure } from "../../steps/run-failure.ts";
import type { GitFailed } from "./git.ts";

/** What was asked of the forge when Git failed. */
export interface RemoteRequest {
  url: string;
  branch: string;
  secretName: string | undefined;
}

const signs = {
  branchMissing: /Remote branch .* not found|couldn't find remote ref/i,
  refusedCredentials:
    /Authentication failed|could not read (Username|Password)|returned error: 40[13]\b|Permission to .* denied|access .* not granted|Access denied|Invalid username or (password|token)/i,
  repositoryMissing: /repository .* not found|returned error: 404\b/i,
  untrusted: /certificate/i,
};

/** Names why Git could not do what was asked of the forge. Git's own words are kept, for they name the host and the error. */
export function remoteFailure(error: GitFailed, request: RemoteRequest): RunFailure {
  const said = error.stderr;
  const options = { cause: error };
  if (signs.branchMissing.test(said)) {
    const text = `branch ${request.branch} does not exist in ${request.url}`;
    return new RunFailure("BranchNotFound", text, options);
  }
  if (signs.refusedCredentials.test(said)) {
    return new RunFailure(
      "RepositoryAuthFailed",
      `${request.url} refused ${bearer(request)}: ${gitWords(said)}`,
      options,
    );
  }
  if (signs.repositoryMissing.test(said)) {
    const text = `${request.url} does not exist, or its forge does not show it to ${bearer(request)}`;
    return new RunFailure("RepositoryAuthFailed", text, options);
  }
  const cure = signs.untrusted.test(said)
    ? " (a private authority is trusted through the operator's setting CA_BUNDLE)"
    : "";
  return new RunFailure("RepositoryUnreachable", `${request.url} cannot be reached: ${gitWords(said)}${cure}`, options);
}

/** The lines of Git's stderr that say what went wrong, in one line of bounded length. */
export function gitWords(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => /^(fatal|error|remote: .*\S| ?! \[)/.test(line));
  return (telling.length > 0 ? telling : lines.filter((line) => line !== "")).join("; ").slice(0, 400);
}

function bearer(request: RemoteRequest): string {
  return request.secretName === undefined
    ? "callers without credentials (spec.repository.secretRef is not set)"
    : `the token in Secret ${request.secretName}`;
}
