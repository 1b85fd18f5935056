import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { resources } from "@orchestrator/controller-runtime";
import { attemptName, branchName } from "@orchestrator/core";
import { forgeSecret, type RepositorySpec } from "../support/workbench.ts";
import type { Ending } from "./ending.ts";
import { type Scene, soon } from "./scene.ts";
import { atFaultyForge, document, implement, twice } from "./work.ts";
import { titleOf } from "./title.ts";

const git = promisify(execFile);
const tasksFile = ".taskmaster/tasks/tasks.json";
const tasks = [{ id: 1 }, { id: 2 }, { id: 4 }];

/** With another Secret for the repository. */
const opened =
  (secret: string) =>
  (repository: RepositorySpec): Record<string, unknown> => ({
    repository: { ...repository, secretRef: { name: secret } },
  });

/** An object of somebody else has the name of the run's first ConfigMap. */
async function takeName(scene: Scene): Promise<void> {
  const { stage, key, uid } = scene;
  const name = attemptName({ prefix: "task", runName: key.name, runUid: uid, round: 1, attempt: 1 });
  const metadata = { namespace: key.namespace, name };
  const foreign = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { owner: "somebody else" } };
  await stage.client.create(resources.configMaps, foreign, { signal: soon() });
  await scene.edit({ suspend: false });
}

/** A person commits to the run's branch while the agent works. */
async function moveBranch(scene: Scene): Promise<void> {
  const { stage, key, uid } = scene;
  const title = titleOf(key.name);
  await scene.untilAsked();
  const inForge = async (...args: string[]): Promise<string> => {
    const identity = ["-c", "user.name=Eve", "-c", "user.email=eve@example.org"];
    return (await git("git", ["-C", stage.forge.repositoryPath(key.name), ...identity, ...args])).stdout.trim();
  };
  const commit = await inForge("commit-tree", "main^{tree}", "-p", "main", "-m", "Mine");
  await inForge("update-ref", `refs/heads/${branchName({ prefix: "task", name: key.name, uid })}`, commit);
  stage.model.holds.release(title);
}

export const configuration: readonly Ending[] = [
  {
    name: "no-tasks-file",
    cause: "The repository has no backlog.",
    reason: "InvalidInput",
    tells: [tasksFile],
    run: document(tasks, { spec: { ...twice, workingDirectory: "services" } }),
  },
  {
    name: "residue-after-json",
    cause: "Something is left after the JSON of the backlog.",
    reason: "InvalidInput",
    tells: [tasksFile, "line 2", "column 1"],
    run: document(tasks, { files: { [tasksFile]: '{"tasks":[{"id":1,"title":"one"}]}\n}\n' } }),
  },
  {
    name: "unknown-task",
    cause: "The run names a task that the backlog does not have.",
    reason: "InvalidInput",
    tells: ["7", "1-2,4"],
    run: document(tasks, { spec: { targetTasks: [1, 7] } }),
  },
  {
    name: "no-price",
    cause: "`spec.budget.maxCostUsd` is set, and no price of the model is known.",
    reason: "InvalidInput",
    tells: ["house-model-1", "price"],
    run: implement({ spec: { model: "house-model-1", budget: { maxCostUsd: "5" } } }),
  },
  {
    name: "unknown-model",
    cause: "The model's provider does not know the model of `spec.model`.",
    reason: "InvalidInput",
    tells: ["spec.model", "sonnet", "404"],
    run: implement({ details: "[[rehearse:http-404]]" }),
  },
  {
    name: "no-such-branch",
    cause: "The repository has no branch of that name.",
    reason: "BranchNotFound",
    tells: ["develop", "spec.repository.branch"],
    run: document(tasks, { spec: (repository) => ({ repository: { ...repository, branch: "develop" } }) }),
  },
  {
    name: "wrong-token",
    cause: "The forge does not know the token.",
    reason: "RepositoryAuthFailed",
    tells: ["token", "wrong-token"],
    run: async (stage, name) => {
      const host = new URL(stage.forge.url).host;
      await stage.secret("wrong-token", { token: "not-the-token-of-this-forge", host });
      return await document(tasks, { spec: opened("wrong-token") })(stage, name);
    },
  },
  {
    name: "token-for-another-host",
    cause: "The token's Secret says that it is meant for another host.",
    reason: "RepositoryAuthFailed",
    tells: ["other.example", "127.0.0.1"],
    run: async (stage, name) => {
      await stage.secret("other-host", { token: stage.forge.token, host: "other.example" });
      return await document(tasks, { spec: opened("other-host") })(stage, name);
    },
  },
  {
    name: "no-repository-secret",
    cause: "The Secret of `spec.repository.secretRef` does not exist.",
    reason: "MissingSecret",
    tells: ["not-there", "token"],
    run: document(tasks, { spec: opened("not-there") }),
  },
  {
    name: "no-model-secret",
    cause: "The Secret of `spec.modelSecretRef` does not exist.",
    reason: "MissingSecret",
    tells: ["no-such-model", "api-key"],
    run: document(tasks, { spec: { modelSecretRef: { name: "no-such-model" } } }),
  },
  {
    name: "no-key-in-secret",
    cause: "The Secret of `spec.modelSecretRef` has no key `api-key`.",
    reason: "MissingSecret",
    tells: [forgeSecret, "api-key"],
    run: document(tasks, { spec: { modelSecretRef: { name: forgeSecret } } }),
  },
  {
    name: "model-refuses-key",
    cause: "The model's provider does not know the key (401).",
    reason: "ModelAuthFailed",
    tells: ["orchestrator-model", "401"],
    run: document([{ id: 1, details: "[[rehearse:http-401]]" }], { spec: twice }),
  },
  {
    name: "settings-contradict",
    cause: "Two of `spec.agentTools` define one MCP server differently.",
    reason: "SettingsRejected",
    attempts: [],
    tells: ["mcpServers.wiki", "spec.agentTools"],
    run: implement({
      spec: {
        agentTools: [
          { name: "mcp__wiki__read", config: { command: "wiki" } },
          { name: "mcp__wiki__find", config: { command: "other-wiki" } },
        ],
      },
    }),
  },
  {
    name: "agent-missing",
    cause: "The image of `spec.pod.image` holds no agent.",
    reason: "AgentMissing",
    tells: ["spec.pod.image"],
    run: implement({ spec: { pod: { image: "orchestrator/docs-generation-operator:dev" } } }),
  },
  {
    name: "variable-missing",
    cause: "The operator's pod template takes a variable from a ConfigMap that is not there.",
    reason: "ContainerConfigError",
    tells: ["greetings", "pod template"],
    run: async (stage, name) => {
      const run = await implement()(stage, name);
      return { ...run, metadata: { ...run.metadata, namespace: stage.misconfigured.namespace } };
    },
  },
  {
    name: "name-taken",
    cause: "An object of somebody else has the name of what the run would create.",
    reason: "NameConflict",
    attempts: [],
    tells: ["ConfigMap task-name-taken-", "does not belong to this run"],
    run: implement({ spec: { suspend: true } }),
    meanwhile: takeName,
  },
  {
    name: "push-refused",
    cause: "A rule of the repository refuses the push of the run's branch.",
    reason: "PushRejected",
    tells: ["deny updating a hidden ref", "refs/orchestrator/"],
    run: implement(atFaultyForge({ refuseRefs: "refs/heads/orchestrator/" })),
  },
  {
    name: "branch-moved",
    cause: "A person commits to the run's branch while the agent works.",
    reason: "PushRejected",
    tells: ["refs/orchestrator/"],
    run: async (stage, name) => {
      stage.model.holds.hold(titleOf(name));
      return await implement()(stage, name);
    },
    meanwhile: moveBranch,
  },
  {
    name: "secret-in-work",
    cause: "The agent writes something that looks like a secret into a file.",
    reason: "DeliveryRefused",
    tells: ["services/greeter/deploy.env", "a GitHub token"],
    run: implement({ details: "[[rehearse:secret]]", spec: twice }),
  },
  {
    name: "pull-request-refused",
    cause: "The forge does not let the token open pull requests.",
    reason: "DeliveryRefused",
    tells: ["403", "right to open"],
    run: implement(atFaultyForge({ pullRequestStatus: 403 })),
  },
];
