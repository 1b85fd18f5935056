import type { RunInputs } from "@orchestrator/core/pure";

/** Address of the REST API of the run's forge, without a slash at the end. */
export function apiUrlOf(repository: RunInputs["repository"]): string {
  if (repository.apiUrl !== undefined) return repository.apiUrl.replace(/\/+$/, "");
  const { host } = new URL(repository.url);
  return host === "github.com" ? "https://api.github.com" : `https://${host}/api/v3`;
}
