import type { EnvVar } from "@orchestrator/controller-runtime";
import type { Container, Pod } from "./pod.ts";
import { podField, resourceField } from "./pod-fields.ts";

/** A container cannot be made as its pod stands; `reason` is that of its waiting state. */
export class ContainerBlocked extends Error {
  override readonly name = "ContainerBlocked";
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export type SourceKind = "ConfigMap" | "Secret";

/** Finds the texts of a ConfigMap or Secret; undefined when there is none. */
export type FindSource = (kind: SourceKind, name: string) => Promise<ReadonlyMap<string, string> | undefined>;

export interface EnvironmentInput {
  pod: Pod;
  container: Container;
  /** Of the image; the weakest. */
  base: Readonly<Record<string, string>>;
  /** What every pod is told of the API server. */
  service: Readonly<Record<string, string>>;
  allocatable: Readonly<Record<string, string>>;
  find: FindSource;
}

/**
 * The whole environment of a container.
 * @throws ContainerBlocked when something that it refers to, and that is not optional, is missing.
 */
export async function containerEnvironment(input: EnvironmentInput): Promise<Record<string, string>> {
  const { pod, container, base, service } = input;
  const own: Record<string, string> = {};
  for (const source of container.envFrom ?? []) {
    const [kind, reference] = source.secretRef
      ? (["Secret", source.secretRef] as const)
      : (["ConfigMap", source.configMapRef] as const);
    if (reference === undefined) continue;
    const data = await findOrBlock(input, { kind, ...reference });
    for (const [key, value] of data ?? []) own[`${source.prefix ?? ""}${key}`] = value;
  }
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, { ...service, ...own }, input);
    if (value !== undefined) own[variable.name] = value;
  }
  return { ...base, HOSTNAME: pod.spec.hostname ?? pod.metadata.name, ...service, ...own };
}

/** Replaces `$(NAME)` by the variable's value; `$$` stands for `$`, and unknown names stay as they are. */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^()\s]+)\)/g, (match, name: string | undefined) => {
    if (match === "$$") return "$";
    return name !== undefined && Object.hasOwn(variables, name) ? (variables[name] ?? match) : match;
  });
}

async function valueOf(
  variable: EnvVar,
  known: Readonly<Record<string, string>>,
  input: EnvironmentInput,
): Promise<string | undefined> {
  const { valueFrom } = variable;
  if (valueFrom === undefined) return expand(variable.value ?? "", known);
  if (valueFrom.secretKeyRef) return keyOf({ kind: "Secret", ...valueFrom.secretKeyRef }, input);
  if (valueFrom.configMapKeyRef) return keyOf({ kind: "ConfigMap", ...valueFrom.configMapKeyRef }, input);
  const value = valueFrom.fieldRef
    ? podField(input.pod, valueFrom.fieldRef.fieldPath)
    : resourceField(input.container, valueFrom.resourceFieldRef ?? { resource: "" }, input.allocatable);
  if (value !== undefined) return value;
  throw blocked(`variable ${variable.name} refers to a field that this node does not offer`);
}

interface KeyReference {
  kind: SourceKind;
  name: string;
  key: string;
  optional?: boolean;
}

async function keyOf(reference: KeyReference, input: EnvironmentInput): Promise<string | undefined> {
  const data = await findOrBlock(input, reference);
  const value = data?.get(reference.key);
  if (value !== undefined || reference.optional === true) return value;
  const { kind, name, key } = reference;
  throw blocked(`couldn't find key ${key} in ${kind} ${input.pod.metadata.namespace ?? ""}/${name}`);
}

async function findOrBlock(
  { find }: EnvironmentInput,
  { kind, name, optional }: { kind: SourceKind; name: string; optional?: boolean },
): Promise<ReadonlyMap<string, string> | undefined> {
  const data = await find(kind, name);
  if (data !== undefined || optional === true) return data;
  throw blocked(`${kind.toLowerCase()} "${name}" not found`);
}

function blocked(message: string): ContainerBlocked {
  return new ContainerBlocked("CreateContainerConfigError", message);
}
