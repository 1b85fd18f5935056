import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newToken, readDoor, writeDoor } from "./door-file.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "door-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

test("a door is read back, by owner and group alone", async () => {
  const door = { address: "http://127.0.0.1:1", token: newToken() };
  await writeDoor(directory, door);
  expect(await readDoor(directory)).toEqual(door);
  expect((await stat(join(directory, "door.json"))).mode & 0o777).toBe(0o640);
});

test("a door that is not there, or damaged, is no door", async () => {
  expect(await readDoor(directory)).toBeUndefined();
  await writeFile(join(directory, "door.json"), '{"address":');
  expect(await readDoor(directory)).toBeUndefined();
});
