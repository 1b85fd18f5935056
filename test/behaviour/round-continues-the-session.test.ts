import { afterAll, beforeAll, expect, test } from "vitest";
import { type PodEnd, runPod } from "../support/pod.ts";
import { repositoryName, type RunLab, startRunLab, uidOf } from "../support/run-lab.ts";

const title = "Open the shop";
const tasks = { tasks: [{ id: 1, title, details: "Keep items." }] };

let lab: RunLab;
beforeAll(async () => {
  lab = await startRunLab({ ".taskmaster/tasks/tasks.json": JSON.stringify(tasks) });
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Runs the one attempt of a round of the run of that name. */
async function round(name: string, number: 1 | 2): Promise<PodEnd> {
  const markdownFiles = [{ filename: "notes.md", fileType: "context" as const, content: "# Notes are short\n" }];
  const asked = number === 1 ? {} : { contextVersion: 2, followUp: "Add a note.", markdownFiles };
  const resume = { session: true, required: false };
  const options = { name, round: number, attempt: number, ...(number === 2 && { resume }) };
  await using pod = await lab.implementation(asked, options);
  return await runPod(pod);
}

const branchOf = ({ gateway }: PodEnd): string => gateway.delivery?.result?.branch ?? "";

/** How often the session of the second round had been asked, as the model has seen it. */
async function promptsOfSession(end: PodEnd): Promise<string | undefined> {
  const note = await lab.file(branchOf(end), "services/shop/round-2.txt");
  return /Prompts of this session: (\d+)/.exec(note ?? "")?.[1];
}

test("a higher contextVersion continues the session, on the same branch and pull request", async () => {
  const one = await round("continued", 1);
  expect(one.gateway).toMatchObject({ resumable: true });
  const two = await round("continued", 2);
  expect(two.agentMessage.sessionId).toBe(one.agentMessage.sessionId);
  expect(await promptsOfSession(two)).toBe("2");
  const pullRequest = one.gateway.delivery?.result?.pullRequest;
  expect(two.gateway).toMatchObject({
    delivery: { outcome: "Delivered", result: { branch: branchOf(one), filesChanged: 3, pullRequest } },
    resumable: true,
  });
  const commits = await lab.inForge("log", "--format=%s %(trailers:key=Orchestrator-Round)", `main..${branchOf(one)}`);
  expect(commits.match(/Orchestrator-Round: \d/g)).toEqual(["Orchestrator-Round: 2", "Orchestrator-Round: 1"]);
  const [own, ...others] = lab.forge.pullRequests(repositoryName).filter(({ head }) => head === branchOf(one));
  expect(others).toEqual([]);
  expect(own?.body).toContain("As of round 2, which asked for:\n\n> Add a note.");
  const kept = await lab.inForge("rev-parse", `refs/orchestrator/${uidOf("continued")}^`, branchOf(one));
  expect(new Set(kept.trim().split("\n")).size).toBe(1);
});

test("where the forge takes no such refs, the next round works on the same branch in a new session, and says why", async () => {
  lab.forge.faults = { refuseRefs: "refs/orchestrator/" };
  const one = await round("refused", 1);
  expect(one.gateway).toMatchObject({
    delivery: { outcome: "Delivered" },
    notKept: expect.stringContaining("deny updating a hidden ref") as unknown,
  });
  const two = await round("refused", 2);
  expect(two.agentMessage.sessionId).not.toBe(one.agentMessage.sessionId);
  expect(await promptsOfSession(two)).toBe("1");
  const pullRequest = one.gateway.delivery?.result?.pullRequest;
  expect(two.gateway.delivery?.result).toMatchObject({ branch: branchOf(one), filesChanged: 3, pullRequest });
  expect(two.gateway).not.toHaveProperty("resumable");
});
