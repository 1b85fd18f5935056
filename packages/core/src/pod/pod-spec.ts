import type { Container, EnvVar, PodTemplateSpec, Volume, VolumeMount } from "@orchestrator/controller-runtime";
import type { PodSettings } from "../api/pod.ts";
import { doorFile } from "./door.ts";
import { containers, inputFiles, layout, workspaceVolume } from "./layout.ts";
import { mergePod, type PodTemplate } from "./pod-template.ts";

// The gateway has a uid of its own, so that the agent can neither read its memory nor signal it; files are shared by group.
const gatewayUser = 2000;
const agentUser = 1000;
const sharedGroup = 3000;
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What the pod of one attempt is made from. */
export interface PodOptions {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Of the ConfigMap with the attempt's inputs. */
  inputsName: string;
  /** Image of the gateway, and of the others unless the run names another. */
  image: string;
  modelSecretName: string;
  /** Absent: the repository is used without credentials. */
  repositorySecretName?: string | undefined;
  /** Claim of the service's workspace; absent: the work is done in an emptyDir. */
  workspaceClaim?: string | undefined;
  activeDeadlineSeconds: number;
  terminationGracePeriodSeconds: number;
  /** The operator's own additions, below those of the run. */
  template?: PodTemplate | undefined;
  /** The run's wishes for `prepare` and `agent`. */
  wishes?: PodSettings | undefined;
}

const volumes = {
  inputs: "inputs",
  door: "door",
  gatewayState: "gateway-state",
  gatewayTemporary: "gateway-temporary",
  repositoryCredentials: "repository-credentials",
  modelCredentials: "model-credentials",
  workspace: workspaceVolume,
  temporary: "temporary",
} as const;

/** Folders of a workspace: neither side can reach the other's. */
const parts = { agent: "agent", gateway: "gateway" } as const;

/** The pod of one attempt: gateway, prepare and agent, with the operator's template and the run's wishes laid over. */
export function buildPod(options: PodOptions): PodTemplateSpec {
  const pod: PodTemplateSpec = {
    metadata: {
      labels: options.labels,
      annotations: {
        // Autoscalers do not end work that has been paid for to save a node.
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        ...options.annotations,
      },
    },
    spec: {
      restartPolicy: "Never",
      activeDeadlineSeconds: options.activeDeadlineSeconds,
      terminationGracePeriodSeconds: options.terminationGracePeriodSeconds,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: agentUser,
        runAsGroup: sharedGroup,
        fsGroup: sharedGroup,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      initContainers: [gateway(options), prepare(options)],
      containers: [agent(options)],
      volumes: podVolumes(options),
    },
  };
  return [options.template, wishesAsTemplate(options.wishes)].reduce(
    (merged, overlay) => (overlay === undefined ? merged : mergePod(merged, overlay)),
    pod,
  );
}

function gateway({ image, repositorySecretName, workspaceClaim }: PodOptions): Container {
  return {
    name: containers.gateway,
    image,
    command: ["agent-runner", "gateway"],
    restartPolicy: "Always",
    startupProbe: {
      exec: { command: ["test", "-f", `${layout.door}/${doorFile}`] },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: 120,
    },
    env: environment(layout.gatewayState),
    resources: { requests: { cpu: "50m", memory: "128Mi" } },
    securityContext: confinedTo(gatewayUser),
    volumeMounts: [
      readOnly(volumes.inputs, layout.inputs),
      { name: volumes.door, mountPath: layout.door },
      { name: volumes.gatewayState, mountPath: layout.gatewayState },
      { name: volumes.gatewayTemporary, mountPath: layout.temporary },
      readOnly(volumes.modelCredentials, layout.modelCredentials),
      ...(repositorySecretName === undefined
        ? []
        : [readOnly(volumes.repositoryCredentials, layout.repositoryCredentials)]),
      ...(workspaceClaim === undefined
        ? []
        : [{ name: volumes.workspace, mountPath: layout.gatewayWorkspace, subPath: parts.gateway }]),
    ],
  };
}

function prepare(options: PodOptions): Container {
  return {
    name: containers.prepare,
    image: options.image,
    command: ["sh", `${layout.inputs}/${inputFiles.prepareScript}`],
    ...agentSide(options),
  };
}

function agent(options: PodOptions): Container {
  return {
    name: containers.agent,
    image: options.image,
    command: ["sh", `${layout.inputs}/${inputFiles.agentScript}`],
    ...agentSide(options),
  };
}

/** What `prepare` and `agent` have in common: no credential is mounted here. */
function agentSide({
  workspaceClaim,
}: PodOptions): Pick<Container, "env" | "resources" | "securityContext" | "volumeMounts"> {
  const part = workspaceClaim === undefined ? {} : { subPath: parts.agent };
  return {
    env: environment(layout.home),
    resources: { requests: { cpu: "100m", memory: "256Mi" } },
    securityContext: confinedTo(agentUser),
    volumeMounts: [
      readOnly(volumes.inputs, layout.inputs),
      readOnly(volumes.door, layout.door),
      { name: volumes.workspace, mountPath: layout.workspace, ...part },
      { name: volumes.temporary, mountPath: layout.temporary },
    ],
  };
}

function environment(home: string): EnvVar[] {
  return [
    { name: "HOME", value: home },
    { name: "TMPDIR", value: layout.temporary },
    { name: "PATH", value: path },
  ];
}

function confinedTo(runAsUser: number): Container["securityContext"] & object {
  return {
    runAsUser,
    runAsGroup: sharedGroup,
    runAsNonRoot: true,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  };
}

function readOnly(name: string, mountPath: string): VolumeMount {
  return { name, mountPath, readOnly: true };
}

function podVolumes({ inputsName, modelSecretName, repositorySecretName, workspaceClaim }: PodOptions): Volume[] {
  return [
    { name: volumes.inputs, configMap: { name: inputsName, defaultMode: 0o555 } },
    { name: volumes.door, emptyDir: {} },
    { name: volumes.gatewayState, emptyDir: {} },
    { name: volumes.gatewayTemporary, emptyDir: {} },
    secretVolume(volumes.modelCredentials, modelSecretName),
    ...(repositorySecretName === undefined ? [] : [secretVolume(volumes.repositoryCredentials, repositorySecretName)]),
    workspaceClaim === undefined
      ? { name: volumes.workspace, emptyDir: {} }
      : { name: volumes.workspace, persistentVolumeClaim: { claimName: workspaceClaim } },
    { name: volumes.temporary, emptyDir: {} },
  ];
}

/** Optional, so that the pod starts without it and the gateway can name what is missing. */
function secretVolume(name: string, secretName: string): Volume {
  return { name, secret: { secretName, defaultMode: 0o440, optional: true } };
}

/** A run's wishes have the form of a template for `prepare` and `agent`. */
function wishesAsTemplate(wishes: PodSettings | undefined): PodTemplate | undefined {
  if (wishes === undefined) return undefined;
  const { image, resources, env, ...scheduling } = wishes;
  const wished = { ...(image && { image }), ...(resources && { resources }), ...(env && { env }) };
  return {
    spec: {
      ...scheduling,
      initContainers: [{ name: containers.prepare, ...wished }],
      containers: [{ name: containers.agent, ...wished }],
    },
  };
}
