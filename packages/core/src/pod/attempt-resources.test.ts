import { expect, it } from "vitest";
import { buildAttemptResources } from "./attempt-resources.ts";

const { configMap, job } = buildAttemptResources({
  run: { apiVersion: "orchestrator.io/v1", kind: "DocsGenerationRun", namespace: "team-a", name: "a.run", uid: "u" },
  attempt: { number: 3, round: 2, name: "docs-a-run-1" },
  labels: { "orchestrator.io/service": "greeter", "orchestrator.io/run-uid": "forged" },
  files: { "settings.json": "{}", "prompt.md": "write" },
  image: "agent:1",
  modelSecretName: "model",
  activeDeadlineSeconds: 4500,
  terminationGracePeriodSeconds: 90,
});

it("are owned by the run, and found by labels that nobody else decides", () => {
  for (const { metadata } of [configMap, job]) {
    expect(metadata).toMatchObject({
      namespace: "team-a",
      name: "docs-a-run-1",
      labels: {
        "app.kubernetes.io/managed-by": "orchestrator",
        "orchestrator.io/kind": "DocsGenerationRun",
        "orchestrator.io/run-uid": "u",
        "orchestrator.io/round": "2",
        "orchestrator.io/attempt": "3",
        "orchestrator.io/service": "greeter",
      },
      annotations: { "orchestrator.io/run-name": "a.run" },
    });
    expect(metadata.ownerReferences).toEqual([
      { apiVersion: "orchestrator.io/v1", kind: "DocsGenerationRun", name: "a.run", uid: "u", controller: true },
    ]);
  }
  expect(job.spec.template.metadata?.labels).toEqual(job.metadata.labels);
});

it("are a ConfigMap that cannot change, and a Job that tries once and tells", () => {
  expect(configMap).toMatchObject({ immutable: true, data: { "prompt.md": "write" } });
  const { template, ...rest } = job.spec;
  expect(rest).toEqual({ backoffLimit: 0, podReplacementPolicy: "Failed" });
  expect(template.spec.volumes?.[0]).toMatchObject({ configMap: { name: "docs-a-run-1", defaultMode: 0o555 } });
});

it("carry the hashes of settings and prompt, which differ with what they hash", () => {
  const { "orchestrator.io/settings-hash": settings, "orchestrator.io/prompt-hash": prompt } =
    job.metadata.annotations ?? {};
  expect(settings).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(prompt).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(settings).not.toBe(prompt);
});
