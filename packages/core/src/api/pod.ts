import { z } from "zod";
import { objectName } from "./names.ts";
import { boundedRecord, cel, pattern, text, uniqueBy } from "./rule.ts";

const quantityForm = /^[0-9]+([.][0-9]+)?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/u;

function quantities(): z.ZodRecord<z.ZodString, z.ZodString> {
  return boundedRecord(
    pattern(32, { matches: quantityForm, message: "must be a quantity such as 500m, 2 or 4Gi, in quotes" }),
    16,
  );
}

const ours = /^(HOME|PATH|TMPDIR)$|^(ANTHROPIC|CLAUDE)_/u;
const identifier = pattern(256, {
  matches: /^[A-Za-z_][A-Za-z0-9_]*$/u,
  message: "must be the name of an environment variable: letters, digits and _, not beginning with a digit",
});
const variableName = cel(identifier, {
  rule: `!self.matches(${JSON.stringify(ours.source)})`,
  holds: (name) => !ours.test(name),
  message:
    "is set by the operator: HOME, PATH, TMPDIR, ANTHROPIC_* and CLAUDE_* cannot be given; the model is chosen by spec.model and its key by spec.modelSecretRef",
});

const variableValue = pattern(4096, {
  matches: /^(\P{Cc}|[\t\n\r])*$/u,
  message: "may not hold control characters but tabs and line breaks",
});

const toleration = z.object({
  key: text(317).optional().describe("Taint key that is tolerated; absent with operator Exists means every key."),
  operator: z.enum(["Exists", "Equal"]).optional().describe("How the key's value is compared; absent means Equal."),
  value: text(63).optional().describe("Taint value that is tolerated; only with operator Equal."),
  effect: z
    .enum(["NoSchedule", "PreferNoSchedule", "NoExecute"])
    .optional()
    .describe("Taint effect that is tolerated; absent means every effect."),
  tolerationSeconds: z
    .int()
    .min(0)
    .optional()
    .describe("Seconds that a NoExecute taint is tolerated; absent means for ever."),
});

const validToleration = cel(
  cel(
    cel(toleration, {
      rule: `!has(self.value) || self.value == "" || !has(self.operator) || self.operator != "Exists"`,
      holds: ({ value = "", operator }) => value === "" || operator !== "Exists",
      message: "a toleration with operator Exists has no value: remove value, or use operator Equal",
    }),
    {
      rule: `has(self.key) && self.key != "" || has(self.operator) && self.operator == "Exists"`,
      holds: ({ key = "", operator }) => key !== "" || operator === "Exists",
      message: "a toleration without a key needs operator Exists",
    },
  ),
  {
    rule: `!has(self.tolerationSeconds) || has(self.effect) && self.effect == "NoExecute"`,
    holds: ({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === "NoExecute",
    message: "tolerationSeconds needs effect NoExecute",
  },
);

export const podSettings = z.object({
  image: pattern(512, {
    matches: /^[A-Za-z0-9][^\p{Cc}\p{Z}]*$/u,
    message: "must be an image reference such as registry.example/agent:1.2",
  })
    .optional()
    .describe(
      "Image of the run's containers; default: the operator's setting. It must hold the agent and agent-runner.",
    ),
  resources: z
    .object({
      requests: quantities().optional().describe("What the agent's container is promised, such as cpu: 500m."),
      limits: quantities().optional().describe("What the agent's container may not exceed, such as memory: 4Gi."),
    })
    .optional()
    .describe("Compute resources of the containers that run the agent."),
  nodeSelector: boundedRecord(text(63), 32).optional().describe("Labels of the nodes that the pod may run on."),
  tolerations: z.array(validToleration).max(32).optional().describe("Node taints that the pod tolerates."),
  priorityClassName: objectName().optional().describe("PriorityClass of the pod."),
  runtimeClassName: objectName().optional().describe("RuntimeClass of the pod, such as one that sandboxes it."),
  serviceAccountName: objectName()
    .optional()
    .describe("ServiceAccount of the pod; its token is not mounted. Absent: the namespace's default."),
  imagePullSecrets: uniqueBy(z.array(z.object({ name: objectName().describe("Name of the Secret.") })).max(16), "name")
    .optional()
    .describe("Secrets in the run's namespace that the images are pulled with."),
  env: uniqueBy(
    z
      .array(
        z.object({
          name: variableName.describe("Name of the variable."),
          value: variableValue.describe("Its value; not for secrets, for anyone who can read the run can read it."),
        }),
      )
      .max(64),
    "name",
  )
    .optional()
    .describe("Environment variables for the preparation and the agent."),
});
export type PodSettings = z.infer<typeof podSettings>;
