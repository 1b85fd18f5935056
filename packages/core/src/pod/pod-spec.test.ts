import { describe, expect, it } from "vitest";
import { layout } from "./layout.ts";
import { buildPod, type PodOptions } from "./pod-spec.ts";

const options: PodOptions = {
  labels: { "orchestrator.io/run-uid": "u" },
  annotations: { "orchestrator.io/run-name": "a-run" },
  inputsName: "docs-a-run-1",
  image: "agent:1",
  modelSecretName: "model",
  repositorySecretName: "forge",
  activeDeadlineSeconds: 4500,
  terminationGracePeriodSeconds: 90,
};

function build(changes: Partial<PodOptions> = {}) {
  const { metadata, spec } = buildPod({ ...options, ...changes });
  const [gateway, prepare] = spec.initContainers ?? [];
  const [agent] = spec.containers;
  if (gateway === undefined || prepare === undefined || agent === undefined) throw new Error("a container is missing");
  return { metadata, spec, gateway, prepare, agent };
}

describe("the pod of an attempt", () => {
  it("has gateway, prepare and agent, in this order, with the gateway beside the agent", () => {
    const { gateway, prepare, agent } = build();
    expect([gateway.name, prepare.name, agent.name]).toEqual(["gateway", "prepare", "agent"]);
    expect([gateway.restartPolicy, prepare.restartPolicy, agent.restartPolicy]).toEqual([
      "Always",
      undefined,
      undefined,
    ]);
    expect(gateway.startupProbe?.exec?.command).toEqual(["test", "-f", "/run/orchestrator/door/door.json"]);
    expect(prepare.command).toEqual(["sh", "/etc/orchestrator/run/prepare.sh"]);
    expect(agent.command).toEqual(["sh", "/etc/orchestrator/run/agent.sh"]);
  });

  it("gives every container the least that Pod Security's level restricted asks for, and more", () => {
    const { spec, gateway, prepare, agent } = build();
    for (const container of [gateway, prepare, agent]) {
      expect(container.securityContext).toMatchObject({
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
      });
    }
    const users = [gateway, prepare, agent].map((container) => container.securityContext?.runAsUser);
    expect(users).toEqual([2000, 1000, 1000]);
    expect(spec).toMatchObject({
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      activeDeadlineSeconds: 4500,
      terminationGracePeriodSeconds: 90,
      securityContext: { fsGroup: 3000, fsGroupChangePolicy: "OnRootMismatch" },
    });
  });

  it("mounts credentials in the gateway alone, and starts without them", () => {
    const { spec, gateway, prepare, agent } = build();
    const secrets = spec.volumes?.filter((volume) => volume.secret !== undefined) ?? [];
    expect(secrets.map(({ secret }) => secret)).toMatchObject([
      { secretName: "model", optional: true },
      { secretName: "forge", optional: true },
    ]);
    const names = secrets.map((volume) => volume.name);
    const mounted = (container: typeof agent) => container.volumeMounts?.filter((mount) => names.includes(mount.name));
    expect(mounted(gateway)).toHaveLength(2);
    expect(mounted(gateway)?.every((mount) => mount.readOnly)).toBe(true);
    expect([...(mounted(prepare) ?? []), ...(mounted(agent) ?? [])]).toEqual([]);
  });

  it("has no repository credentials where the run names none", () => {
    const { spec, gateway } = build({ repositorySecretName: undefined });
    expect(spec.volumes?.filter((volume) => volume.secret !== undefined)).toHaveLength(1);
    expect(gateway.volumeMounts?.map((mount) => mount.mountPath)).not.toContain(layout.repositoryCredentials);
  });

  it("lets only the gateway write to the door, and nobody but the gateway see its state", () => {
    const { gateway, prepare, agent } = build();
    const mount = (container: typeof agent, path: string) =>
      container.volumeMounts?.find(({ mountPath }) => mountPath === path);
    expect(mount(gateway, layout.door)?.readOnly).toBeUndefined();
    expect(mount(prepare, layout.door)?.readOnly).toBe(true);
    expect(mount(agent, layout.door)?.readOnly).toBe(true);
    expect(mount(prepare, layout.gatewayState) ?? mount(agent, layout.gatewayState)).toBeUndefined();
    expect(mount(gateway, layout.workspace)).toBeUndefined();
    expect(mount(gateway, layout.temporary)?.name).not.toBe(mount(agent, layout.temporary)?.name);
  });

  it("works in the service's workspace where the run has one, each side in a part that the other cannot reach", () => {
    const { spec, gateway, prepare, agent } = build({ workspaceClaim: "workspace-greeter-x" });
    const mounts = (container: typeof agent) => container.volumeMounts?.filter(({ name }) => name === "workspace");
    expect(spec.volumes).toContainEqual({
      name: "workspace",
      persistentVolumeClaim: { claimName: "workspace-greeter-x" },
    });
    expect(mounts(gateway)).toEqual([{ name: "workspace", mountPath: layout.gatewayWorkspace, subPath: "gateway" }]);
    for (const container of [prepare, agent]) {
      expect(mounts(container)).toEqual([{ name: "workspace", mountPath: layout.workspace, subPath: "agent" }]);
    }
    expect(build().spec.volumes).toContainEqual({ name: "workspace", emptyDir: {} });
    expect(mounts(build().gateway)).toEqual([]);
  });

  it("has a volume for every mount, and a mount for every volume", () => {
    const { spec, gateway, prepare, agent } = build();
    const mounts = [gateway, prepare, agent].flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
    expect(new Set(spec.volumes?.map(({ name }) => name))).toEqual(new Set(mounts));
  });

  it("asks autoscalers to leave it alone", () => {
    expect(build().metadata?.annotations).toEqual({
      "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
      "karpenter.sh/do-not-disrupt": "true",
      "orchestrator.io/run-name": "a-run",
    });
  });
});

describe("a run's wishes", () => {
  const wishes = {
    image: "agent:mine",
    resources: { limits: { memory: "8Gi" } },
    env: [{ name: "GOFLAGS", value: "-mod=mod" }],
    nodeSelector: { pool: "mine" },
    tolerations: [{ key: "mine", operator: "Exists" as const }],
    serviceAccountName: "mine",
  };

  it("reach prepare and agent, and leave the gateway as it is", () => {
    const { spec, gateway, prepare, agent } = build({ wishes });
    expect(gateway).toEqual(build().gateway);
    for (const container of [prepare, agent]) {
      expect(container).toMatchObject({ image: "agent:mine", resources: { limits: { memory: "8Gi" } } });
      expect(container.env?.map(({ name }) => name)).toEqual(["HOME", "TMPDIR", "PATH", "GOFLAGS"]);
    }
    expect(spec).toMatchObject({ nodeSelector: { pool: "mine" }, serviceAccountName: "mine" });
    expect(spec.automountServiceAccountToken).toBe(false);
  });

  it("win over the operator's template, which wins over the defaults", () => {
    const template = {
      spec: {
        nodeSelector: { pool: "all", zone: "z" },
        containers: [{ name: "agent" as const, image: "agent:all", imagePullPolicy: "Always" as const }],
        initContainers: [{ name: "gateway" as const, resources: { requests: { cpu: "1" } } }],
      },
    };
    const { spec, gateway, agent } = build({ wishes, template });
    expect(spec.nodeSelector).toEqual({ pool: "mine", zone: "z" });
    expect(agent).toMatchObject({ image: "agent:mine", imagePullPolicy: "Always" });
    expect(gateway.resources?.requests).toEqual({ cpu: "1", memory: "128Mi" });
    expect(build({ wishes: { nodeSelector: { a: "b" } } }).agent).toEqual(build().agent);
  });
});
