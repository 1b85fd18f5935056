import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { losses, takeOver } from "../support/takeover.ts";

let client: KubernetesClient;
beforeAll(async () => {
  client = await adminClient();
});
afterAll(() => client.close());

// Short, for the standby waits that long, and above the stalls of a busy machine.
const lease = { LEASE_DURATION: "8s", RENEW_DEADLINE: "7s", RETRY_PERIOD: "500ms" };

test.concurrent.each(losses)(
  "a standby takes over from a leader that is $name amid its work: one Job an attempt, and no status goes back",
  async (loss) => {
    const { leaderEnded, standbyLog, setbacks, jobsPerAttempt, runs } = await takeOver(client, loss, lease);
    expect(leaderEnded).toBe(loss.ends);
    // Its rights allow it to watch the lease, or it would take over late.
    expect(standbyLog).not.toContain("the lease cannot be watched");
    expect(setbacks).toEqual([]);
    expect(jobsPerAttempt).toEqual(Array.from({ length: runs }, () => 1));
  },
);
