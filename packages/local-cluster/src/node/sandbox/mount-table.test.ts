import { expect, test } from "vitest";
import { boxScript, type PlannedBind } from "./box-script.ts";
import { lockedOptionsAt, mountsBelow, parseMountInfo } from "./mount-table.ts";
import { parseStatus, processTree, treeMemory } from "./process-table.ts";

const mounts = parseMountInfo(
  [
    "1 0 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "2 1 0:5 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw",
    "3 1 0:6 / /usr/lib/with\\040blank ro,noexec - ext4 /dev/vdb rw",
    "",
  ].join("\n"),
);

test("a bind mount repeats the locked options of the mount that holds its source", () => {
  expect(lockedOptionsAt(mounts, "/tmp/x/y")).toEqual(["nosuid", "nodev"]);
  expect(lockedOptionsAt(mounts, "/tmpfs")).toEqual([]);
  expect(mountsBelow(mounts, "/usr").map(({ path }) => path)).toEqual(["/usr/lib/with blank"]);
});

function box(binds: PlannedBind[]): ReturnType<typeof boxScript> {
  return boxScript({
    root: "/box",
    tables: "/tables",
    folders: [],
    links: [],
    binds,
    readOnlyRoot: false,
    workingDirectory: "/",
    path: "",
    prefix: [],
    command: ["true"],
  });
}

test("mounts that come along with a read-only folder are made read-only, too", () => {
  const below = [{ path: "lib/with blank", lockedOptions: ["noexec"] }];
  const bind: PlannedBind = {
    source: "/usr",
    target: "/usr",
    readOnly: true,
    kind: "folder",
    lockedOptions: [],
    below,
  };
  expect(box([bind]).script).toContain("mount -o remount,bind,ro,noexec '/box/usr/lib/with blank'");
  expect(box([{ ...bind, readOnly: false }]).script).not.toContain("remount");
});

test("a mount within another is made after it, and blanks are written as the table wants them", () => {
  const bind = { readOnly: false, kind: "folder", lockedOptions: ["nodev"], below: [] } as const;
  const { tables } = box([
    { ...bind, lockedOptions: ["nodev"], source: "/v/inner", target: "/work/inner", below: [] },
    { ...bind, lockedOptions: [], source: "/v/a b", target: "/work", below: [] },
  ]);
  expect(tables[0]).toContain("/v/a\\040b /box/work none rbind,rw 0 0\n");
  expect(tables[1]).toBe("/v/inner /box/work/inner none rbind,rw,nodev 0 0\n");
});

test("the memory of a container is that of its process and all below it", () => {
  const status = (parent: number, anonymous: number): string =>
    `Name:\tx\nPPid:\t${parent}\nRssAnon:\t${anonymous} kB\nRssFile:\t999 kB\nRssShmem:\t1 kB\n`;
  const processes = new Map(
    Object.entries({ 1: status(0, 5), 2: status(1, 10), 3: status(2, 20), 4: status(1, 40) }).flatMap(([pid, text]) => {
      const entry = parseStatus(text);
      return entry === undefined ? [] : [[Number(pid), entry] as const];
    }),
  );
  expect(processTree(processes, 2).toSorted((a, b) => a - b)).toEqual([2, 3]);
  expect(treeMemory(processes, 2)).toBe((10 + 1 + 20 + 1) * 1024);
  expect(treeMemory(processes, 99)).toBe(0);
  expect(parseStatus("")).toBeUndefined();
});
