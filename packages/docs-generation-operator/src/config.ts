import type { Environment } from "@orchestrator/core";

/** The variables that the operator is set by; `readOperatorSettings` says which, what they mean and their defaults. */
export function environment(): Environment {
  return process.env;
}
