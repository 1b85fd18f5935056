import { describe, expect, it } from "vitest";
import { z } from "zod";
import { cel, text } from "../api/rule.ts";
import { customResourceDefinition } from "./custom-resource-definition.ts";
import { kinds } from "./kinds.ts";

const frame = {
  kind: "Probe",
  plural: "probes",
  singular: "probe",
  shortName: "pr",
  description: "A probe.",
  operator: "probe-operator",
  spec: cel(z.object({ a: text(3).describe("First."), b: z.boolean().optional().describe("Second.") }), {
    rule: "self.a != 'x' || has(self.b)",
    holds: ({ a, b }) => a !== "x" || b !== undefined,
    message: "x needs b",
  }),
  status: z.object({ phase: text(9).describe("Phase.") }),
  columns: [{ name: "Phase", type: "string", description: "Phase.", path: ".status.phase" }],
  selectable: [".status.phase"],
} as const;

describe("customResourceDefinition", () => {
  it("frames a kind", () => {
    expect(customResourceDefinition(frame)).toMatchObject({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "probes.orchestrator.io", labels: { "app.kubernetes.io/component": "probe-operator" } },
      spec: {
        group: "orchestrator.io",
        scope: "Namespaced",
        names: { kind: "Probe", listKind: "ProbeList", plural: "probes", singular: "probe", shortNames: ["pr"] },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: [{ name: "Phase", jsonPath: ".status.phase" }],
            selectableFields: [{ jsonPath: ".status.phase" }],
            schema: {
              openAPIV3Schema: { required: ["spec"], properties: { status: { default: { phase: "Pending" } } } },
            },
          },
        ],
      },
    });
  });

  it("adds what may become of the spec to its own rules", () => {
    expect(customResourceDefinition(frame)).toHaveProperty(
      "spec.versions[0].schema.openAPIV3Schema.properties.spec.x-kubernetes-validations",
      [
        { rule: "self.a != 'x' || has(self.b)", message: "x needs b" },
        expect.objectContaining({
          rule: "has(self.a) == has(oldSelf.a) && (!has(self.a) || self.a == oldSelf.a)",
          fieldPath: ".a",
        }),
        expect.objectContaining({
          rule: "has(self.b) == has(oldSelf.b) && (!has(self.b) || self.b == oldSelf.b)",
          message: expect.stringContaining("b of a run cannot be changed") as unknown,
          fieldPath: ".b",
        }),
      ],
    );
  });

  it("finds every printed and selectable field in the schema", () => {
    for (const { plural, columns, selectable, spec, status } of kinds) {
      for (const path of [...columns.map((column) => column.path), ...selectable]) {
        const [root, field] = path.split(".").slice(1);
        if (root === "metadata") continue;
        const shape = root === "spec" ? spec.shape : status.shape;
        expect(Object.keys(shape), `${plural} ${path}`).toContain(field?.replace(/\[.*/, ""));
      }
    }
  });
});
