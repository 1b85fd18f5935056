import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeAtomically } from "./atomic-folder.ts";
import { filesOfKeys, staysWithin, type VolumeFiles } from "./volume-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "volume-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function files(entries: Record<string, string>, mode = 0o644): VolumeFiles {
  return new Map(Object.entries(entries).map(([path, text]) => [path, { content: Buffer.from(text), mode }]));
}

const visible = async (): Promise<string[]> => (await readdir(folder)).filter((name) => !name.startsWith(".."));

test("files come, change and go together, with their modes", async () => {
  await writeAtomically(folder, files({ a: "1", "deep/er/b": "2" }, 0o440));
  expect(await readFile(join(folder, "deep/er/b"), "utf8")).toBe("2");
  expect((await stat(join(folder, "a"))).mode & 0o777).toBe(0o440);
  await writeAtomically(folder, files({ a: "new", c: "3" }));
  expect((await visible()).toSorted((x, y) => x.localeCompare(y))).toEqual(["a", "c"]);
  expect(await readFile(join(folder, "a"), "utf8")).toBe("new");
  expect(await readdir(folder)).toHaveLength(4);
});

test("nothing is touched when nothing has changed", async () => {
  await writeAtomically(folder, files({ a: "1" }));
  const before = await readlink(join(folder, "..data"));
  await writeAtomically(folder, files({ a: "1" }));
  expect(await readlink(join(folder, "..data"))).toBe(before);
});

test("a volume may be empty", async () => {
  await writeAtomically(folder, files({}));
  expect(await visible()).toEqual([]);
});

const data = new Map([
  ["a", Buffer.from("A")],
  ["b", Buffer.from("B")],
]);

test("keys become files of their names, or those that are chosen", () => {
  const all = filesOfKeys(data, { defaultMode: 0o600, optional: false });
  expect(all).toEqual({ files: files({ a: "A", b: "B" }, 0o600) });
  const items = [{ key: "b", path: "x/y", mode: 0o400 }];
  expect(filesOfKeys(data, { items, defaultMode: 0o600, optional: false })).toEqual({
    files: files({ "x/y": "B" }, 0o400),
  });
});

test("a chosen key that is missing is named, unless it is optional", () => {
  const items = [{ key: "none", path: "none" }];
  expect(filesOfKeys(data, { items, defaultMode: 0, optional: false })).toEqual({ missingKey: "none" });
  expect(filesOfKeys(data, { items, defaultMode: 0, optional: true })).toEqual({ files: new Map() });
});

test.each([
  ["a/b", true],
  ["a/../b", true],
  ["..data", true],
  ["a/../../b", false],
  ["../b", false],
  ["/b", false],
])("%s stays within its folder: %s", (path, expected) => {
  expect(staysWithin(path)).toBe(expected);
});
