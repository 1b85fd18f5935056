import { expect, inject, test } from "vitest";
import { onCluster } from "./support/cluster-lab.ts";
import { followGuide } from "./support/guide.ts";

interface Run {
  status: { phase: string; result: { pullRequest: { url: string } } };
}

test("by the guide alone, both samples become pull requests", async () => {
  const { variables } = inject("stage");
  await followGuide("The first runs of a team", variables);
  const read = async (run: string): Promise<Run> =>
    JSON.parse(await onCluster("-n", variables["TEAM"] ?? "", "get", run, "-o", "json")) as Run;
  const runs = [await read("docsgenerationrun/backlog-docs"), await read("taskimplementationrun/implement-task-1")];
  expect(runs.map(({ status }) => status.phase)).toEqual(["Succeeded", "Succeeded"]);
  const urls = runs.map(({ status }) => status.result.pullRequest.url);
  expect(urls.map((address) => address.replace(/.*\/backlog\//, "")).toSorted()).toEqual(["pull/1", "pull/2"]);
  await followGuide("Who may do what", variables);
  await onCluster("delete", "-f", "deploy/samples/policy/limit-runs.yaml");
  await onCluster("delete", "namespace", variables["TEAM"] ?? "");
});
