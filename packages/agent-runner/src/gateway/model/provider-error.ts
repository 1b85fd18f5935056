import type { Reason, Verdict } from "@orchestrator/core/pure";

/** An answer of the model's provider other than a message. */
export interface ProviderError {
  /** HTTP status; 0 when no answer came. */
  status: number;
  /** The provider's own words, cut. */
  message: string;
  /** How long it asked to wait. */
  retryAfterSeconds?: number | undefined;
}

const streamStatuses: Readonly<Record<string, number>> = {
  authentication_error: 401,
  permission_error: 403,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
};

/** The status that an error inside a stream would have had, had it come before it. */
export function statusOfErrorType(type: string): number {
  return streamStatuses[type] ?? 500;
}

/** The ending that a provider's error gives to a run; undefined for errors that are the request's own fault. */
export function providerVerdict(
  error: ProviderError,
  inputs: { modelSecretName: string; model: string },
): Verdict | undefined {
  const told = `${error.status} ${error.message}`;
  const verdict = (reason: Reason, message: string): Verdict => ({ reason, message });
  if (error.status === 401 || error.status === 403) {
    return verdict(
      "ModelAuthFailed",
      `the model's provider refused the key of Secret ${inputs.modelSecretName}: ${told}`,
    );
  }
  if (error.status === 404) {
    return verdict("InvalidInput", `the model's provider does not know ${inputs.model} (spec.model): ${told}`);
  }
  if (error.status === 429) {
    return verdict("RateLimited", `the model's provider limits the rate: ${told}`);
  }
  if (error.status === 0) return verdict("ModelOverloaded", error.message);
  if (error.status >= 500) {
    return verdict("ModelOverloaded", `the model's provider cannot answer: ${told}`);
  }
  return undefined;
}
