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
  ]);
});
