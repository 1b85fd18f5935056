import { describe, expect, it } from "vitest";
import { explain, plain, tell } from "./messages.ts";
import { type Reason, reasons } from "./reason.ts";

const failures = Object.keys(reasons).filter((reason) => reasons[reason as Reason] !== "success") as Reason[];

describe("what a reader is told", () => {
  it.each(failures)("of %s is what happened and what to do about it", (reason) => {
    const message = explain(reason, "this happened");
    expect(message).toMatch(/^This happened\. [A-Z].*\.$/);
    expect(explain(reason, "")).toBe(message.replace("This happened. ", ""));
  });

  it("of a success is what happened", () => {
    expect(explain("Delivered", "Delivered as x")).toBe("Delivered as x.");
  });

  it.each(["https://forge.example cannot be reached.", "tasks.json has no task 7.", "spec.tag names no list."])(
    "begins as it is written where that is no word: %s",
    (message) => {
      expect(tell(message)).toBe(message);
    },
  );

  it("keeps an end that a sentence has already", () => {
    expect(explain("UpToDate", "Really?")).toBe("Really?");
  });

  it("is cut where it is long and wild, and never by the cure or what comes of it", () => {
    const message = explain("RateLimited", `${"tokens\n\u0007".repeat(400)}end`, "All retries are used.");
    expect(message.length).toBeLessThanOrEqual(1024);
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message).toMatch(/… All retries are used\. Apply the run again later/);
  });

  it("stands on one line", () => {
    expect(plain(" a\n\tb\u001b[31m c\u2028")).toBe("a b [31m c");
  });
});
