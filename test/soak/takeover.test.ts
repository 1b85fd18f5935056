import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { writeReport } from "../support/soak-report.ts";
import { losses, takeOver } from "../support/takeover.ts";

/** As the operators have it where nobody says otherwise. */
const lease = { LEASE_DURATION: "15s", RENEW_DEADLINE: "10s", RETRY_PERIOD: "2s" };
const rounds = 3;

let client: KubernetesClient;
const lines = ["| the leader is | seconds until another works, of a lease of 15 |", "|---|---|"];
beforeAll(async () => {
  client = await adminClient();
});
afterAll(async () => {
  await writeReport("takeover.md", lines.join("\n"));
  await client.close();
});

test.each(losses)("a standby takes over from a leader that is $name, and says how soon", async (loss) => {
  const taken = [];
  for (let round = 0; round < rounds; round += 1) taken.push(await takeOver(client, loss, lease));
  lines.push(`| ${loss.name} | ${taken.map(({ seconds }) => seconds.toFixed(1)).join(", ")} |`);
  for (const { leaderEnded, setbacks, jobsPerAttempt, runs } of taken) {
    expect(leaderEnded).toBe(loss.ends);
    expect(setbacks).toEqual([]);
    expect(jobsPerAttempt).toEqual(Array.from({ length: runs }, () => 1));
  }
});
