import { expect } from "vitest";
import type { Ending } from "./ending.ts";
import { killContainer } from "./kill-container.ts";
import { atFaultyForge, document, implement, twice } from "./work.ts";

export const agent: readonly Ending[] = [
  {
    name: "agent-killed",
    cause: "The process of the agent's container is killed.",
    reason: "AgentError",
    tells: [/Container agent .* exit code 137/, "logs of the pod's containers"],
    run: implement({ details: "[[rehearse:hang]]" }),
    meanwhile: async (scene) => {
      await scene.untilPhase("Running");
      await killContainer(await scene.pod(), "agent");
    },
  },
  {
    name: "preparation-killed",
    cause: "The process of the container `prepare` is killed.",
    reason: "AgentError",
    tells: [/Container prepare .* exit code 137/, "logs of the pod's containers"],
    run: implement(atFaultyForge({ delayMs: 60_000 })),
    meanwhile: async (scene) => {
      const pod = await scene.pod("prepares", ({ status }) =>
        (status?.initContainerStatuses ?? []).some(
          ({ name, state }) => name === "prepare" && state?.running !== undefined,
        ),
      );
      await killContainer(pod, "prepare");
    },
  },
  {
    name: "request-refused",
    cause: "The model's provider refuses what the agent asks (400).",
    reason: "AgentError",
    tells: ["rehearsal of HTTP 400"],
    run: implement({ details: "[[rehearse:http-400]]" }),
  },
  {
    name: "agent-takes-too-long",
    cause: "The agent works for longer than `spec.timeout`.",
    reason: "AgentTimedOut",
    tells: ["4 s", "spec.timeout"],
    run: implement({ details: "[[rehearse:hang]]", spec: { timeout: "4s" } }),
  },
  {
    name: "agent-stalls",
    cause: "The model does not answer, and the agent says nothing for `spec.stallTimeout`.",
    reason: "Stalled",
    tells: ["4 s", "spec.stallTimeout"],
    run: implement({ details: "[[rehearse:hang]]", spec: { stallTimeout: "4s" } }),
  },
  {
    name: "too-many-turns",
    cause: "The agent takes as many turns as `spec.budget.maxTurns` allows and is not done.",
    reason: "MaxTurnsReached",
    tells: ["spec.budget.maxTurns"],
    run: implement({ details: "[[rehearse:many-turns]]", spec: { ...twice, budget: { maxTurns: 2 } } }),
  },
  {
    name: "no-result",
    cause: "The agent program is killed while it works.",
    reason: "NoResult",
    tells: ["signal SIGKILL"],
    run: implement({ details: "[[rehearse:kill-agent]]" }),
  },
  {
    name: "incomplete",
    cause: "Of three tasks, the documents of one are missing and those of another do not parse.",
    reason: "IncompleteDocs",
    tells: ["2-3", "/pull/1"],
    run: document(
      [
        { id: 1 },
        { id: 2, details: "[[rehearse:one-file-missing]]" },
        { id: 3, details: "[[rehearse:broken-document]]" },
      ],
      { spec: { outputFormat: "MDX" } },
    ),
    afterwards: async (scene) => {
      expect((await scene.run()).status).toMatchObject({
        tasks: { total: 3, delivered: 1, failed: 2, notDelivered: [{ id: 2 }, { id: 3 }] },
      });
    },
  },
  {
    name: "mended",
    cause: "The agent writes no documents at first; the next attempt, told so, writes them.",
    reason: "IncompleteDocs",
    attempts: ["IncompleteDocs", "Delivered"],
    tells: ["Attempt 2 starts at", "agent retry 1 of 1"],
    run: document([{ id: 1, details: "[[rehearse:no-files-at-first]]" }], { spec: twice }),
  },
  {
    name: "nothing-changed",
    cause: "The agent ends and has changed nothing.",
    reason: "NothingDelivered",
    tells: ["changed nothing"],
    run: implement({ details: "[[rehearse:nothing]]" }),
  },
  {
    name: "changes-ignored",
    cause: "The agent changes only files that the repository's `.gitignore` names.",
    reason: "NothingDelivered",
    tells: [".gitignore", "services/greeter/ignored.log"],
    run: implement({ details: "[[rehearse:ignored-file]]", files: { ".gitignore": "*.log\n" } }),
  },
  {
    name: "verification-fails",
    cause: "A command of `spec.verify` fails on the work, until no turns are left.",
    reason: "VerificationFailed",
    tells: ["test -f CHANGELOG.md", "exit code 1", "no changelog"],
    run: implement({
      spec: { verify: ["test -f CHANGELOG.md || { echo no changelog; exit 1; }"], budget: { maxTurns: 5 } },
    }),
  },
  {
    name: "out-of-memory",
    cause: "The agent's container uses more memory than `spec.pod.resources.limits.memory`.",
    reason: "OutOfMemory",
    tells: ["Container agent", "spec.pod.resources.limits.memory"],
    run: implement({ details: "[[rehearse:oom]]", spec: { pod: { resources: { limits: { memory: "700Mi" } } } } }),
  },
];
