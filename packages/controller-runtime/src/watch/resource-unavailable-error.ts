import type { ApiError } from "../client/api-error.ts";
import { apiVersion, type ResourceType } from "../resource-type.ts";

/** A kind cannot be watched until somebody mends the cluster. The message says what is missing. */
export class ResourceUnavailableError extends Error {
  override readonly name = "ResourceUnavailableError";
  readonly verb: "list" | "watch";
  readonly plural: string;
  readonly group: string;

  constructor(options: {
    type: ResourceType;
    verb: "list" | "watch";
    namespace?: string | undefined;
    cause: ApiError;
  }) {
    super(message(options), { cause: options.cause });
    this.verb = options.verb;
    this.plural = options.type.plural;
    this.group = options.type.group;
  }
}

function message({ type, verb, namespace, cause }: ConstructorParameters<typeof ResourceUnavailableError>[0]): string {
  const resource = type.group === "" ? type.plural : `${type.plural}.${type.group}`;
  const where = namespace === undefined ? "in all namespaces" : `in namespace "${namespace}"`;
  switch (cause.status) {
    case 401:
      return `the API server does not accept these credentials (${verb} ${resource}): renew the token or certificate`;
    case 404:
      return `the API server does not know ${resource} of ${apiVersion(type)}: install its CustomResourceDefinition`;
    default:
      return `no permission to ${verb} ${resource} ${where}: grant this verb on this resource (${cause.message})`;
  }
}
