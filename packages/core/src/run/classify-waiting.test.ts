import { describe, expect, it } from "vitest";
import { classifyPodless, classifyWaiting } from "./classify-waiting.ts";
import type { PodView } from "./observation.ts";
import { aJob, aPod, exited, running, startOfRun, waiting } from "./observation-samples.ts";

const crashed = (code: number, message = "") => ({
  gateway: { ...waiting("CrashLoopBackOff", "back-off"), last: exited(code, { message }) } as PodView["gateway"],
});

describe("why an attempt waits", () => {
  it.each<[string, Partial<PodView>, { reason: string; endsAs?: string; hopeless?: boolean }]>([
    ["no node", { unschedulable: "0/3 nodes are available" }, { reason: "Unschedulable" }],
    ["starting", { gateway: waiting("PodInitializing") }, { reason: "PodStarting", endsAs: "PodNotCreated" }],
    ["creating", { gateway: waiting("ContainerCreating") }, { reason: "PodStarting", endsAs: "PodNotCreated" }],
    ["cloning", { prepare: running() }, { reason: "Preparing", endsAs: "RepositoryUnreachable" }],
    ["a failing pull", { gateway: waiting("ErrImagePull", "no such host") }, { reason: "ImagePullFailed" }],
    ["a pull put off", { agent: waiting("ImagePullBackOff") }, { reason: "ImagePullFailed" }],
    ["an impossible image", { prepare: waiting("InvalidImageName") }, { reason: "ImagePullFailed", hopeless: true }],
    ["a forbidden pull", { agent: waiting("ErrImageNeverPull") }, { reason: "ImagePullFailed", hopeless: true }],
    [
      "a wrong configuration",
      { agent: waiting("CreateContainerConfigError", 'secret "x" not found') },
      { reason: "ContainerConfigError", hopeless: true },
    ],
    [
      "a kubelet that is not ready",
      { agent: waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out") },
      { reason: "ContainerConfigError" },
    ],
    [
      "a container that cannot be made",
      { agent: waiting("CreateContainerError", "x") },
      { reason: "ContainerConfigError" },
    ],
    [
      "a program that is not there",
      { gateway: waiting("RunContainerError", 'exec: "agent-runner": executable file not found in $PATH') },
      { reason: "AgentMissing", hopeless: true },
    ],
    ["a gateway that keeps ending", crashed(1), { reason: "ContainerConfigError" }],
    ["a gateway without its program", crashed(127), { reason: "AgentMissing", hopeless: true }],
    [
      "a gateway whose image lacks its program",
      crashed(128, "exec: no such file or directory"),
      { reason: "AgentMissing", hopeless: true },
    ],
    ["a gateway that just ended", { gateway: exited(127) }, { reason: "AgentMissing", hopeless: true }],
    ["a gateway about to start again", { gateway: exited(1) }, { reason: "PodStarting", endsAs: "PodNotCreated" }],
    ["a crash loop nobody explains", { gateway: waiting("CrashLoopBackOff") }, { reason: "ContainerConfigError" }],
  ])("%s", (_, changes, { reason, endsAs = reason, hopeless = false }) => {
    expect(classifyWaiting(aPod(changes))).toMatchObject({ reason, endsAs, hopeless });
  });

  it("names the claim that has no volume, and no other", () => {
    const unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims";
    const told = (changes: Partial<PodView>) => classifyWaiting(aPod(changes)).message;
    expect(told({ unschedulable: unbound, claim: "greeter-1a2b" })).toBe(
      `Pod docs-a-run-1-x fits no node: ${unbound}; kubectl -n team-a describe pvc greeter-1a2b tells why the workspace has no volume`,
    );
    expect(told({ unschedulable: "Insufficient cpu", claim: "greeter-1a2b" })).not.toContain("pvc");
    expect(told({ unschedulable: unbound })).not.toContain("pvc");
  });

  it("names the object and what Kubernetes says about it, on one line", () => {
    const told = classifyWaiting(aPod({ gateway: waiting("ErrImagePull", "pull failed:\n no such host") }));
    expect(told.message).toBe(
      "Container gateway of pod docs-a-run-1-x cannot get its image (ErrImagePull): pull failed: no such host",
    );
  });

  it("repeats what the Job controller says of a Job without a pod, and guesses where that is not known", () => {
    const refusal = 'Error creating: pods "docs-a-run-1-" is forbidden: no PriorityClass with name urgent was found\n';
    expect(classifyPodless(aJob(), refusal)).toEqual({
      reason: "PodNotCreated",
      endsAs: "PodNotCreated",
      hopeless: false,
      retold: true,
      message:
        'Job docs-a-run-1 has not created its pod: Error creating: pods "docs-a-run-1-" is forbidden: no PriorityClass with name urgent was found',
    });
    expect(classifyPodless(aJob(), undefined).message).toBe(
      "Job docs-a-run-1 has not created its pod; a quota or an admission policy may forbid it",
    );
  });

  it("names the node of a pod that has one", () => {
    expect(classifyWaiting(aPod()).message).toBe("Pod docs-a-run-1-x is starting on node node-1");
    const { node: _, ...nowhere } = aPod({ createdAt: startOfRun });
    expect(classifyWaiting(nowhere).message).toBe("Pod docs-a-run-1-x is starting");
  });
});
