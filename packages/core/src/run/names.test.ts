import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attemptName, branchName, contentHash, workspaceClaimName } from "./names.ts";

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const runName = fc.stringMatching(/^[a-z0-9]([-.]?[a-z0-9]){0,125}$/);
const identity = fc.record({
  prefix: fc.constantFrom("docs", "task"),
  runName,
  runUid: fc.uuid(),
  round: fc.integer({ min: 1, max: 3 }),
  attempt: fc.integer({ min: 1, max: 3 }),
});

it("names one claim for each service of a namespace", () => {
  const longest = workspaceClaimName("team-a", `${"x".repeat(62)}y`);
  expect(longest).toMatch(/^workspace-x{42}-[0-9a-f]{10}$/);
  const others = [workspaceClaimName("team-a", `${"x".repeat(62)}z`), workspaceClaimName("b", `${"x".repeat(62)}y`)];
  expect(new Set([longest, ...others]).size).toBe(3);
  expect(workspaceClaimName("team-a", "greeter")).toBe(workspaceClaimName("team-a", "greeter"));
});

describe("names of an attempt's objects", () => {
  it("are DNS labels of at most 63 characters that begin readably", () => {
    fc.assert(
      fc.property(identity, (one) => {
        const name = attemptName(one);
        expect(name.length).toBeLessThanOrEqual(63);
        expect(name).toMatch(label);
        expect(
          name.startsWith(`${one.prefix}-${one.runName.replaceAll(".", "-").slice(0, 20).replace(/-+$/, "")}`),
        ).toBe(true);
      }),
    );
  });

  it("are the same for the same attempt and differ for every other", () => {
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const same = one.runUid === other.runUid && one.round === other.round && one.attempt === other.attempt;
        const named = { ...other, prefix: one.prefix, runName: one.runName };
        expect(attemptName(one) === attemptName(named)).toBe(same);
      }),
    );
  });

  it("are told apart by their attempt even where everything readable is cut", () => {
    const runName = "x".repeat(253);
    const names = [1, 2].map((attempt) => attemptName({ prefix: "docs", runName, runUid: "u", round: 1, attempt }));
    expect(new Set(names).size).toBe(2);
  });
});

describe("the branch of a run", () => {
  it("tells kind and run, and differs between runs of one name", () => {
    const [one, other] = ["uid-1", "uid-2"].map((uid) => branchName({ prefix: "docs", name: "back.log", uid }));
    expect(one).toMatch(/^orchestrator\/docs\/back-log-[0-9a-f]{10}$/);
    expect(one).not.toBe(other);
  });

  it("is one that Git accepts", () => {
    fc.assert(
      fc.property(runName, fc.uuid(), (name, uid) => {
        const branch = branchName({ prefix: "docs", name: `${name}.lock`, uid });
        expect(branch).not.toMatch(/\.\.|\.lock$|\.lock\/|\/\.|@\{|\/\/|[\s~^:?*[\\]/);
        expect(branch.length).toBeLessThan(200);
      }),
    );
  });
});

it("hashes contents in the form that annotations and status hold", () => {
  expect(contentHash("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
