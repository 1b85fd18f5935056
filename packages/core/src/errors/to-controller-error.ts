import { ApiError } from "@orchestrator/controller-runtime";
import { z } from "zod";
import type { ControllerError } from "./controller-error.ts";
import { InvalidConfig } from "./invalid-config.ts";
import { KubeError } from "./kube-error.ts";
import { ResourceNotFound } from "./resource-not-found.ts";
import { SerializationError } from "./serialization-error.ts";
import { SettingsError } from "./settings-error.ts";
import { TemplateError } from "./template-error.ts";

const classes = [KubeError, TemplateError, InvalidConfig, SettingsError, ResourceNotFound, SerializationError];

/** Whether `thrown` is one of ours already. */
export function isControllerError(thrown: unknown): thrown is ControllerError {
  return classes.some((known) => thrown instanceof known);
}

/**
 * Turns anything thrown into a `ControllerError`; one that is so already comes back as it is.
 * `operation` says what was being done, with the object: `create Job team-a/docs-1`.
 * What is none of the known failures (a broken connection, but also a mistake of ours) becomes a retryable `KubeError`:
 * a controller that goes on trying is seen, one that has given up is not.
 */
export function toControllerError(thrown: unknown, operation: string): ControllerError {
  if (isControllerError(thrown)) return thrown;
  if (thrown instanceof ApiError) return fromApiError(thrown, operation);
  if (thrown instanceof z.ZodError || thrown instanceof SyntaxError) {
    return SerializationError.reading(`what was needed to ${operation}`, thrown);
  }
  return KubeError.unanswered(operation, thrown);
}

const details = z.object({ kind: z.string().min(1), name: z.string().min(1) });

function fromApiError(error: ApiError, operation: string): ControllerError {
  const missing = error.status === 404 ? details.safeParse(error.details).data : undefined;
  return missing === undefined
    ? KubeError.refused(operation, error)
    : ResourceNotFound.of(missing.kind, missing.name, error);
}
