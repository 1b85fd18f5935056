import { expect, test } from "vitest";
import { submodulePaths } from "./submodules.ts";

test("a .gitmodules names paths, however it is written", () => {
  const text =
    '[submodule "a"]\n\tpath = libs/a\n\turl = https://x/path\n[submodule "b"]\r\npath=b c\r\n  path = "d"\n';
  expect([...submodulePaths(text)]).toEqual(["libs/a", "b c", "d"]);
  expect([...submodulePaths("")]).toEqual([]);
});
