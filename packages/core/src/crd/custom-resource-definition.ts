import type { KindFrame } from "./kinds.ts";
import { type StructuralSchema, toStructuralSchema } from "./structural-schema.ts";
import { changesInWords, transitionRules } from "./transition-rules.ts";

const group = "orchestrator.io";

/**
 * The CustomResourceDefinition of one kind, as plain data.
 *
 * @throws {UnsupportedSchemaError} when the spec or status cannot be said to the API server.
 */
export function customResourceDefinition(frame: KindFrame): Record<string, unknown> {
  const { kind, plural, singular, shortName, operator } = frame;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      labels: { "app.kubernetes.io/part-of": "orchestrator", "app.kubernetes.io/component": operator },
    },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: frame.columns.map(({ path, ...column }) => ({ ...column, jsonPath: path })),
          selectableFields: frame.selectable.map((jsonPath) => ({ jsonPath })),
          schema: { openAPIV3Schema: rootSchema(frame) },
        },
      ],
    },
  };
}

function rootSchema(frame: KindFrame): StructuralSchema {
  const spec = toStructuralSchema(frame.spec, "spec");
  const fields = Object.keys(frame.spec.shape);
  return {
    type: "object",
    description: frame.description,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: `Version of this API: ${group}/v1.` },
      kind: { type: "string", description: `Kind of this object: ${frame.kind}.` },
      metadata: { type: "object" },
      spec: {
        description: `What the run is asked for. ${changesInWords(fields)}`,
        ...spec,
        "x-kubernetes-validations": [...rulesOf(spec), ...transitionRules(fields)],
      },
      status: {
        description: "How the run is doing, written by its operator alone.",
        ...toStructuralSchema(frame.status, "status"),
        // Readers find a phase before the operator's first write.
        default: { phase: "Pending" },
      },
    },
  };
}

function rulesOf(schema: StructuralSchema): unknown[] {
  const rules = schema["x-kubernetes-validations"];
  return Array.isArray(rules) ? rules : [];
}
