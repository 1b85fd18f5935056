import { expect, test } from "vitest";
import { renderStatus } from "./status.ts";

test("columns are as wide as their longest cell, and what is not known is a dash", () => {
  const text = renderStatus([
    { name: "etcd", state: "running", healthy: true, pid: 17, address: "127.0.0.1:20001" },
    { name: "docs-generation-operator", state: "not installed", healthy: false },
  ]);
  expect(text.split("\n").map((line) => line.trimEnd())).toEqual([
    "NAME                       STATE           PID   ADDRESS",
    "etcd                       running         17    127.0.0.1:20001",
    "docs-generation-operator   not installed   -     -",
    "`make local-up` starts what does not run",
  ]);
});

test("why states are not known stands below the table, each cause once", () => {
  const why = "the API server did not answer within 5 s";
  const unknown = { state: "unknown", healthy: false, why };
  const text = renderStatus([
    { name: "docs-generation-operator", ...unknown },
    { name: "task-implementation-operator", ...unknown },
  ]);
  expect(text.split("\n").slice(-2)).toEqual([`unknown: ${why}`, "`make local-up` starts what does not run"]);
});

test("a cluster that is well needs no advice", () => {
  expect(renderStatus([{ name: "etcd", state: "running", healthy: true }])).not.toContain("local-up");
});
