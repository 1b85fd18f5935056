import type { InvalidConfig } from "./invalid-config.ts";
import type { KubeError } from "./kube-error.ts";
import type { ResourceNotFound } from "./resource-not-found.ts";
import type { SerializationError } from "./serialization-error.ts";
import type { SettingsError } from "./settings-error.ts";
import type { TemplateError } from "./template-error.ts";

/** Everything that can go wrong in an operator, told apart by `kind`; `retryable` says whether trying again can help. */
export type ControllerError =
  | KubeError
  | TemplateError
  | InvalidConfig
  | SettingsError
  | ResourceNotFound
  | SerializationError;
