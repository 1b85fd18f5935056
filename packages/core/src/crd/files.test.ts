import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { crdFiles, generate } from "./files.ts";

const files = crdFiles();

describe("crdFiles", () => {
  it("makes one file a kind, which says where it comes from", () => {
    expect(files.map(({ name }) => name)).toEqual(["docsgenerationruns.yaml", "taskimplementationruns.yaml"]);
    for (const { content } of files) expect(content).toMatch(/^# Generated from packages\/core\/src\/api/);
  });

  it("makes the same bytes each time, without anchors", () => {
    expect(crdFiles()).toEqual(files);
    for (const { content } of files) expect(content).not.toMatch(/: [&*]\w+$/m);
  });

  it("writes what YAML reads back", () => {
    for (const { content } of files) expect(parse(content)).toMatchObject({ kind: "CustomResourceDefinition" });
  });
});

describe("generate", () => {
  const nothing = { write: () => Promise.reject(new Error("not to be written")) };
  const missing = Object.assign(new Error("no such file"), { code: "ENOENT" });

  async function check(read: (name: string) => Promise<string>): Promise<{ code: number; lines: string[] }> {
    const lines: string[] = [];
    const code = await generate(["--check"], { ...nothing, read }, (line) => lines.push(line));
    return { code, lines };
  }

  it("exits 1 and names what is missing or differs", async () => {
    const { code, lines } = await check((name) =>
      name.startsWith("docs") ? Promise.resolve("old") : Promise.reject(missing),
    );

    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/^crds\/docsgenerationruns\.yaml .*`make crds`/),
      expect.stringMatching(/^crds\/taskimplementationruns\.yaml .*`make crds`/),
    ]);
  });

  it("is content with what it has written", async () => {
    const written = new Map<string, string>();
    const store = {
      read: () => Promise.reject(new Error("not to be read")),
      write: (name: string, content: string) => Promise.resolve(void written.set(name, content)),
    };

    expect(await generate([], store, () => undefined)).toBe(0);
    expect(await check((name) => Promise.resolve(written.get(name) ?? ""))).toEqual({ code: 0, lines: [] });
  });

  it("is content with the repository as it stands", async () => {
    const directory = new URL("../../../../crds/", import.meta.url);

    expect(await check((name) => readFile(new URL(name, directory), "utf8"))).toEqual({ code: 0, lines: [] });
  });

  it("does not take an unreadable file for a missing one", async () => {
    const refused = Object.assign(new Error("permission denied"), { code: "EACCES" });

    await expect(check(() => Promise.reject(refused))).rejects.toThrow("permission denied");
  });
});
