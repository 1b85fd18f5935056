import type { PodTemplateSpec } from "@orchestrator/controller-runtime";
import { z } from "zod";
import { containers } from "./layout.ts";

const reservedVariables: readonly string[] = ["HOME", "PATH", "TMPDIR"];

const variable = z.looseObject({
  name: z.string().refine((name) => !reservedVariables.includes(name), "is set by the operator"),
});

const container = z.strictObject({
  name: z.enum([containers.gateway, containers.prepare, containers.agent]),
  image: z.string().optional(),
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).optional(),
  resources: z
    .strictObject({
      requests: z.record(z.string(), z.string()).optional(),
      limits: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  env: z.array(variable).optional(),
  volumeMounts: z
    .array(
      z.strictObject({
        name: z.string(),
        mountPath: z.string(),
        subPath: z.string().optional(),
        readOnly: z.boolean().optional(),
      }),
    )
    .optional(),
});

/**
 * What may be added to the pods of runs. Who a container runs as, what it runs, how long, and what it may do is not among it,
 * so that no template can weaken it: such a field is refused.
 */
export const podTemplate = z.strictObject({
  metadata: z
    .strictObject({
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  spec: z
    .strictObject({
      initContainers: z.array(container).optional(),
      containers: z.array(container).optional(),
      volumes: z.array(z.looseObject({ name: z.string() })).optional(),
      nodeSelector: z.record(z.string(), z.string()).optional(),
      tolerations: z.array(z.looseObject({})).optional(),
      affinity: z.looseObject({}).optional(),
      topologySpreadConstraints: z.array(z.looseObject({})).optional(),
      priorityClassName: z.string().optional(),
      runtimeClassName: z.string().optional(),
      schedulerName: z.string().optional(),
      serviceAccountName: z.string().optional(),
      imagePullSecrets: z.array(z.strictObject({ name: z.string() })).optional(),
      hostAliases: z.array(z.looseObject({})).optional(),
      dnsPolicy: z.string().optional(),
      dnsConfig: z.looseObject({}).optional(),
    })
    .optional(),
});
export type PodTemplate = z.infer<typeof podTemplate>;

/** Fields whose lists are keyed: an item meets the one of the same key, others are added. */
const listKeys: Readonly<Record<string, string>> = {
  initContainers: "name",
  containers: "name",
  volumes: "name",
  env: "name",
  imagePullSecrets: "name",
  volumeMounts: "mountPath",
};

/**
 * The pod with `overlay` laid over it: values replace values, objects merge field by field, items of keyed lists (containers,
 * volumes, env, imagePullSecrets by name; volumeMounts by path) merge with the item of the same key, other lists are appended
 * to. Labels and annotations of the pod itself win over those of the overlay, because the operator finds its pods by them.
 */
export function mergePod(pod: PodTemplateSpec, overlay: PodTemplate): PodTemplateSpec {
  const spec = merge("spec", pod.spec, overlay.spec) as PodTemplateSpec["spec"];
  const metadata = merge("metadata", overlay.metadata, pod.metadata) as NonNullable<PodTemplateSpec["metadata"]>;
  return { metadata, spec };
}

function merge(field: string, base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (Array.isArray(base) && Array.isArray(over)) return mergeLists(listKeys[field], base, over);
  if (!isObject(base) || !isObject(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) merged[name] = merge(name, base[name], value);
  return merged;
}

function mergeLists(key: string | undefined, base: unknown[], over: unknown[]): unknown[] {
  if (key === undefined) return [...base, ...over];
  const keyOf = (item: unknown) => (isObject(item) ? item[key] : undefined);
  const met = base.map((item) =>
    merge(
      "",
      item,
      over.find((candidate) => keyOf(candidate) === keyOf(item)),
    ),
  );
  const added = over.filter((candidate) => !base.some((item) => keyOf(item) === keyOf(candidate)));
  return [...met, ...added];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
