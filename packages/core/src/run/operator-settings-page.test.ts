import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { settingNames } from "./operator-settings.ts";

it("docs/settings.md lists every setting of the operators, and no other", async () => {
  const page = await readFile(new URL("../../../../docs/settings.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^\| `(?<name>[A-Z_]+)` \|/gm)].map(({ groups }) => groups?.["name"]);
  expect(listed).toHaveLength(settingNames.length);
  expect(new Set(listed)).toEqual(new Set(settingNames));
});
