import { resources } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ClusterLab, onCluster, openLab } from "./support/cluster-lab.ts";
import { followGuide, runShell } from "./support/guide.ts";
import { rolledOut } from "./support/operators.ts";

/** A commit whose bundles and CustomResourceDefinitions are upgraded from and rolled back to. */
const { OLDER = "", LOAD_IMAGE = "" } = process.env;
const folder = ".tools/older";
const title = "Across versions";
const count = 20;
/** So many agents at once may keep the name service of a small node from answering. */
const retryConfig = { maxInfrastructureRetries: 3, maxAgentRetries: 0, backoff: { initial: "5s", max: "10s" } };

let lab: ClusterLab;
beforeAll(async () => {
  const { version } = inject("stage");
  lab = await openLab("upgrade");
  await runShell(`
    [ -e ${folder}/.git ] || git clone --quiet --shared --no-checkout . ${folder}
    git -C ${folder} checkout --quiet --detach ${OLDER}
    make -C ${folder} bundle
    node --conditions=@orchestrator/source scripts/images.ts --base localhost/orchestrator/base:${version} --packages ${folder}/packages --tag older
    node --conditions=@orchestrator/source scripts/release.ts --tag older --output .tools/older-release
    for name in docs-generation-operator task-implementation-operator agent; do ${LOAD_IMAGE} "$PWD/.tools/images/$name-older.tar"; done`);
}, 900_000);
afterAll(() => lab[Symbol.asyncDispose]());

/** The older programs and definitions, by the manifests of today. */
async function installOlder(): Promise<void> {
  await onCluster("apply", "-f", ".tools/older-release/install.yaml");
  await onCluster("apply", "-k", `${folder}/crds`);
  await rolledOut();
}

test(`${count} runs in flight survive an upgrade and a roll back: none is lost, none is doubled`, async () => {
  const { variables } = inject("stage");
  await installOlder();
  await lab.model.hold(title);
  // Few pods fit the node at once; the others wait, and that is in flight, too.
  const runs: RunObject[] = [];
  const repository = await lab.repository("upgrade", [{ id: 1, title }]);
  for (let index = 0; index < count; index += 1)
    runs.push(await lab.implement(`run-${index}`, { repository, pendingTimeout: "1h", retryConfig }));
  await lab.model.held(title, 4);
  await followGuide("Upgrade and roll back", variables);
  const before = await lab.kubectl("get", "tir", "-o", "name");
  expect(before.trim().split("\n")).toHaveLength(count);
  await lab.model.release(title);
  await lab.end(runs[0] as RunObject);
  await installOlder();
  let attempts = 0;
  for (const run of runs) {
    const { phase, message, attempts: made = [] } = await lab.end(run, { timeoutMs: 900_000, intervalMs: 500 });
    expect(phase, `${run.metadata.name}: ${message}`).toBe("Succeeded");
    attempts += made.length;
  }
  const jobs = await lab.client.list(resources.jobs, { namespace: lab.namespace, signal: AbortSignal.timeout(30_000) });
  expect(jobs.items).toHaveLength(attempts);
  const branches = (await lab.pullRequests("upgrade")).map(({ head }) => head.ref);
  expect(branches).toHaveLength(count);
  expect(new Set(branches).size).toBe(count);
  await followGuide("Upgrade and roll back", variables);
  expect((await lab.kubectl("get", "tir", "-o", "jsonpath={.items[*].status.phase}")).split(" ")).toHaveLength(count);
}, 1_800_000);
