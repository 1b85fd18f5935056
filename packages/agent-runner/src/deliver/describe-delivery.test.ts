import { expect, it } from "vitest";
import { docsInputs, implementationInputs } from "../steps/step-lab.ts";
import { describeDelivery } from "./describe-delivery.ts";

const session = (taskId: number, title: string) => ({ taskId, title, hash: "h", promptFile: "p" });
const plan = {
  startCommit: "b",
  sessions: [session(1, "Basket"), session(2, "A\ntill")],
  upToDate: [4, 5],
  done: [],
};
const verdict = { reason: "NoResult", message: "m" } as const;

it("lists the tasks of a docs run", () => {
  const text = describeDelivery(docsInputs(), plan, { complete: [1], failed: [{ taskId: 2, verdict }] });
  expect(text.title).toBe("Write documents for task 1");
  expect(text.body).toBe(
    [
      "Documents that an implementer of these tasks needs:",
      "- 1: Basket",
      "Not complete, and not part of this change:",
      "- 2: A till",
      "Up to date already: 4-5",
      "Made by DocsGenerationRun `team/nightly` with model `opus`, from branch `main`.\n",
    ].join("\n\n"),
  );
});

it("names all tasks in the title, as far as there is room", () => {
  const complete = Array.from({ length: 200 }, (_, index) => index * 2 + 1);
  const { title } = describeDelivery(docsInputs(), plan, { complete, failed: [] });
  expect(title).toMatch(/^Write documents for tasks 1,3,5,.*,\+\d+$/);
  expect(title.length).toBeLessThanOrEqual(200);
  expect(describeDelivery(docsInputs(), plan, { complete: [], failed: [] }).title).toBe("Write documents");
});

it("names the task of an implementation in one line", () => {
  const verification = { complete: [1], failed: [] };
  const text = describeDelivery(
    implementationInputs(),
    { ...plan, sessions: [session(1, `A\n${"x".repeat(300)}`)] },
    verification,
  );
  expect(text.title).toMatch(/^Implement task 1: A x+…$/);
  expect(text.title).toHaveLength(200);
  expect(text.body).toContain("Implements task 1 for service `shop`, done as `rex`.");
});

it("names the tasks that an earlier attempt has done beside those of this one", () => {
  const done = [{ taskId: 3, title: "Door" }];
  const text = describeDelivery(docsInputs(), { ...plan, done }, { complete: [1, 3], failed: [] });
  expect(text.title).toBe("Write documents for tasks 1,3");
  expect(text.body).toContain("- 1: Basket\n- 3: Door");
});

it("says what a later round was asked for", () => {
  const verification = { complete: [1], failed: [] };
  const inputs = implementationInputs({ round: 2, followUp: "Make it blue.\n\nAnd round." });
  expect(describeDelivery(inputs, plan, verification).body).toContain(
    "As of round 2, which asked for:\n\n> Make it blue.\n>\n> And round.",
  );
  const unsaid = describeDelivery(implementationInputs({ round: 2 }), plan, verification);
  expect(unsaid.body).toContain("As of round 2\n");
});

it("leaves out of a title what Git refuses and what steers a terminal", () => {
  const odd = { ...plan, sessions: [session(1, "A\0B \u001b[31mred\u202e end \u{1f389}")] };
  const { title } = describeDelivery(implementationInputs(), odd, { complete: [1], failed: [] });
  expect(title).toBe("Implement task 1: A B [31mred end \u{1f389}");
});
