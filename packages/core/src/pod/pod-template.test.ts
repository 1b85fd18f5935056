import { describe, expect, it } from "vitest";
import { mergePod, podTemplate } from "./pod-template.ts";

const pod = {
  metadata: { labels: { "orchestrator.io/run-uid": "u" }, annotations: { kept: "1" } },
  spec: {
    automountServiceAccountToken: false,
    containers: [
      {
        name: "agent",
        image: "agent:1",
        resources: { requests: { cpu: "100m", memory: "256Mi" } },
        env: [{ name: "HOME", value: "/home" }],
        volumeMounts: [{ name: "workspace", mountPath: "/workspace" }],
      },
    ],
    tolerations: [{ key: "a", operator: "Exists" as const }],
    volumes: [{ name: "workspace", emptyDir: {} }],
  },
};

describe("a pod with a template laid over it", () => {
  it("has the template's values where both have one, and both where they differ", () => {
    const merged = mergePod(pod, {
      spec: {
        priorityClassName: "low",
        nodeSelector: { pool: "agents" },
        containers: [
          { name: "agent", image: "agent:2", resources: { requests: { cpu: "2" }, limits: { memory: "4Gi" } } },
        ],
      },
    });
    expect(merged.spec).toMatchObject({
      automountServiceAccountToken: false,
      priorityClassName: "low",
      nodeSelector: { pool: "agents" },
      containers: [
        {
          image: "agent:2",
          resources: { requests: { cpu: "2", memory: "256Mi" }, limits: { memory: "4Gi" } },
          env: [{ name: "HOME", value: "/home" }],
        },
      ],
    });
  });

  it("has the items of both lists: those of one key merged, the others added", () => {
    const { spec } = mergePod(pod, {
      spec: {
        tolerations: [{ key: "b" }],
        volumes: [
          { name: "workspace", emptyDir: { sizeLimit: "10Gi" } },
          { name: "cache", emptyDir: {} },
        ],
        containers: [
          {
            name: "agent",
            env: [{ name: "PROXY", value: "p" }],
            volumeMounts: [{ name: "cache", mountPath: "/cache" }],
          },
        ],
      },
    });
    expect(spec.tolerations).toEqual([{ key: "a", operator: "Exists" }, { key: "b" }]);
    expect(spec.volumes).toEqual([
      { name: "workspace", emptyDir: { sizeLimit: "10Gi" } },
      { name: "cache", emptyDir: {} },
    ]);
    expect(spec.containers[0]?.env).toEqual([
      { name: "HOME", value: "/home" },
      { name: "PROXY", value: "p" },
    ]);
    expect(spec.containers[0]?.volumeMounts).toHaveLength(2);
  });

  it("keeps the labels and annotations by which it is found", () => {
    const labels = { "orchestrator.io/run-uid": "forged", team: "a" };
    expect(mergePod(pod, { metadata: { labels, annotations: { kept: "2", more: "3" } } }).metadata).toEqual({
      labels: { "orchestrator.io/run-uid": "u", team: "a" },
      annotations: { kept: "1", more: "3" },
    });
    expect(mergePod(pod, {}).metadata).toEqual(pod.metadata);
  });
});

describe("a template", () => {
  it.each([
    ["host access", { spec: { hostNetwork: true } }],
    ["an account token", { spec: { automountServiceAccountToken: true } }],
    ["another user", { spec: { securityContext: { runAsUser: 0 } } }],
    ["another user for a container", { spec: { containers: [{ name: "agent", securityContext: {} }] } }],
    ["another program", { spec: { initContainers: [{ name: "gateway", command: ["sh"] }] } }],
    ["another home", { spec: { containers: [{ name: "agent", env: [{ name: "HOME", value: "/" }] }] } }],
    ["another container", { spec: { containers: [{ name: "sidecar" }] } }],
    ["another time limit", { spec: { activeDeadlineSeconds: 1 } }],
  ])("may not ask for %s", (_, template) => {
    expect(podTemplate.safeParse(template).success).toBe(false);
  });
});
