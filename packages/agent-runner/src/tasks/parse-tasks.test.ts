import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "./invalid-input.ts";
import { parseTasks, tasksFile } from "./parse-tasks.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const options = { tag: "master", file: "tasks.json" };
const explanation = (text: string | Uint8Array, tag = "master"): string => {
  try {
    parseTasks(typeof text === "string" ? bytes(text) : text, { ...options, tag });
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
  throw new Error("was taken");
};

describe("tasks.json", () => {
  it.each([
    [".", ".taskmaster/tasks/tasks.json"],
    ["services/a", "services/a/.taskmaster/tasks/tasks.json"],
  ])("lies in the working directory %s", (directory, path) => {
    expect(tasksFile(directory)).toBe(path);
  });

  it("is read with every field, absent and null texts as empty ones", () => {
    const text = JSON.stringify({
      tasks: [
        {
          id: 1,
          title: "Größe 日本語 🚀",
          description: null,
          details: "d",
          testStrategy: "t",
          priority: "high",
          dependencies: [2, "3.1"],
          status: "done",
          subtasks: [{ id: 1, title: "s", dependencies: [1] }],
          extra: true,
        },
      ],
      metadata: {},
    });
    expect(parseTasks(bytes(text), options)).toEqual([
      {
        id: 1,
        title: "Größe 日本語 🚀",
        description: "",
        details: "d",
        testStrategy: "t",
        dependencies: ["2", "3.1"],
        status: "done",
        subtasks: [{ id: "1", title: "s", description: "", details: "", testStrategy: "", dependencies: ["1"] }],
      },
    ]);
  });

  const shapes = {
    plain: (tasks: unknown) => ({ tasks }),
    tagged: (tasks: unknown) => ({ master: { tasks, metadata: { created: "x" } }, other: { tasks: [] } }),
  };
  it.each(Object.entries(shapes))("keeps ids and order in the %s shape, as numbers or as digits", (_name, shape) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.record({ id: fc.integer({ min: 1, max: 2 ** 31 - 1 }), digits: fc.boolean(), title: fc.string() }),
          {
            selector: ({ id }) => id,
          },
        ),
        fc.boolean(),
        (given, mark) => {
          const tasks = given.map(({ id, digits, title }) => ({ id: digits ? String(id) : id, title }));
          const text = `${mark ? "\uFEFF" : ""}${JSON.stringify(shape(tasks))}`;
          const read = parseTasks(bytes(text), options).map(({ id, title }) => ({ id, title }));
          expect(read).toEqual(given.map(({ id, title }) => ({ id, title })));
        },
      ),
    );
  });

  it("gives the list of the tag that is asked for", () => {
    const text = JSON.stringify({
      master: { tasks: [{ id: 1 }] },
      tasks: { tasks: [{ id: 2 }] },
      "v 2": { tasks: [{ id: 3 }] },
    });
    expect(parseTasks(bytes(text), { ...options, tag: "v 2" }).map(({ id }) => id)).toEqual([3]);
    expect(parseTasks(bytes(text), { ...options, tag: "tasks" }).map(({ id }) => id)).toEqual([2]);
  });

  it("takes a file of 200 KB with 34 tasks and 111 subtasks", () => {
    const tasks = Array.from({ length: 34 }, (_, index) => ({
      id: index + 1,
      details: "x".repeat(5000),
      subtasks: Array.from({ length: index < 9 ? 4 : 3 }, (_unused, part) => ({
        id: part + 1,
        title: "y".repeat(300),
      })),
    }));
    const text = JSON.stringify({ tasks });
    expect(text.length).toBeGreaterThan(200_000);
    expect(parseTasks(bytes(text), options).flatMap(({ subtasks }) => subtasks)).toHaveLength(111);
  });

  it.each([
    ["residue", '{"tasks": []}\n}\n', "line 2, column 1: something follows after the end of the JSON value"],
    ["a second value", '{"tasks": []} {"tasks": []}', "line 1, column 15: something follows after the end"],
    ["a file cut short", '{"tasks": [\n{"id": 1,', "line 2, column 10: "],
    ["a file cut at a value", '{"tasks":\n', "line 2, column 1: the file ends too early"],
    ["marks of a merge", '<<<<<<< HEAD\n{"tasks": []}', "line 1, column 1: Unexpected character '<'"],
    ["a broken word", '{"tasks": [\n  tru]}', "line 2, column 3: Unexpected identifier 'tru'"],
    ["a trailing comma", '{"tasks": [\n{"id": 1,}]}', "line 2, column 10: "],
    ["a line break in a text", '{"tasks": [{"title": "a\nb"}]}', "line 1, column 24: Bad control character"],
    ["an empty file", " \n", "the file is empty"],
  ])("names the place of %s", (_name, text, expected) => {
    expect(explanation(text)).toContain(`tasks.json is not valid JSON: ${expected}`);
  });

  it("says so when the bytes are no UTF-8", () => {
    expect(explanation(new Uint8Array([0xff, 0xfe, 0x7b, 0x00]))).toBe(
      "tasks.json is not UTF-8 text. Save it as UTF-8.",
    );
  });

  it.each([
    [
      "an id in letters",
      '{"tasks": [{"id": 1}, {"id": "a"}]}',
      "tasks.json: tasks[1].id: has to be a whole number from 1",
    ],
    ["id 0", '{"tasks": [{"id": 0}]}', "tasks[0].id: has to be"],
    ["half an id", '{"tasks": [{"id": 1.5}]}', "tasks[0].id: has to be"],
    ["no id", '{"tasks": [{"title": "x"}]}', "tasks[0].id: has to be"],
    ["a number as title", '{"master": {"tasks": [{"id": 1, "title": 7}]}}', "master.tasks[0].title: "],
    [
      "a subtask of a wrong shape",
      '{"tasks": [{"id": 1, "subtasks": [{"id": 1, "details": []}]}]}',
      "tasks[0].subtasks[0].details: ",
    ],
    ["one id twice", '{"tasks": [{"id": 4}, {"id": "04"}]}', "tasks[0] and tasks[1] both have the id 4. Give"],
    ["a list in place of an object", "[]", "holds no list of tasks"],
    ["null", "null", "holds no list of tasks"],
    ["an object without tasks", '{"tasks": {}}', "holds no list of tasks"],
  ])("refuses %s and says where", (_name, text, expected) => {
    expect(explanation(text)).toContain(expected);
  });

  it("says which tags exist when the one asked for does not", () => {
    const text = '{"a": {"tasks": []}, "b": {"tasks": []}, "note": 1}';
    expect(explanation(text, "c")).toBe('tasks.json has no tag "c"; its tags are "a", "b" (spec.tag)');
    expect(explanation('{"tasks": []}', "c")).toContain('its tags are "master"');
  });
});
