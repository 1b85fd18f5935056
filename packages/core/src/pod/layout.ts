/** Where things lie inside a run's pod. The templates, the Job and the runner share this one table. */
export const layout = {
  /** The attempt's ConfigMap, in all three containers, files executable. */
  inputs: "/etc/orchestrator/run",
  /** emptyDir; written by the gateway, read-only for the others. */
  door: "/run/orchestrator/door",
  /** emptyDir of the gateway alone: mirror and ledger. */
  gatewayState: "/run/orchestrator/gateway",
  /** The gateway's own part of the service's workspace, where the run has one. */
  gatewayWorkspace: "/run/orchestrator/workspace",
  /** Secret volumes of the gateway alone, both optional. */
  repositoryCredentials: "/run/orchestrator/credentials/repository",
  modelCredentials: "/run/orchestrator/credentials/model",
  /** Shared by prepare and agent: an emptyDir, or their part of the service's workspace. */
  workspace: "/workspace",
  repository: "/workspace/repository",
  home: "/workspace/home",
  claudeConfig: "/workspace/home/.claude",
  /** emptyDir mounted as /tmp in every container. */
  temporary: "/tmp",
  /** What the steps of the agent container leave for each other. */
  steps: "/workspace/steps",
  /** The program in the agent image; `agent-runner MODE`. */
  runner: "/usr/local/bin/agent-runner",
  terminationMessage: "/dev/termination-log",
} as const;

/** Keys of the attempt's ConfigMap. Markdown files given in the object are `markdown-<index>.md`. */
export const inputFiles = {
  run: "run.json",
  settings: "settings.json",
  prompt: "prompt.md",
  prepareScript: "prepare.sh",
  agentScript: "agent.sh",
  stopHook: "stop-hook.sh",
  mcpServers: "mcp-servers.json",
  caBundle: "ca.crt",
} as const;

/** Name of the volume at `workspace`. */
export const workspaceVolume = "workspace";

/** Names of the containers of a run's pod, in order. */
export const containers = { gateway: "gateway", prepare: "prepare", agent: "agent" } as const;
