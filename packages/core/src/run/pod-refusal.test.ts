import type { Event } from "@orchestrator/controller-runtime";
import { expect, it } from "vitest";
import { podRefusalOf } from "./pod-refusal.ts";

const event = (note: string, resourceVersion = "1") => ({ metadata: { name: "e", resourceVersion }, note }) as Event;

it("is what the newest event says", () => {
  expect(podRefusalOf([event("Error creating: old", "99"), event("Error creating: new", "100")])).toBe("new");
  expect(podRefusalOf([])).toBeUndefined();
});

it.each([
  ['Error creating: pods "task-a-1-x7k2q" is forbidden: exceeded quota: q', "exceeded quota: q"],
  [
    '(combined from similar events): Error creating: pods "task-a-1-" is forbidden: no PriorityClass',
    "no PriorityClass",
  ],
  [
    'Error creating: Internal error occurred: failed calling webhook "a"',
    'Internal error occurred: failed calling webhook "a"',
  ],
])("leaves out the name that changes with each try: %s", (note, refusal) => {
  expect(podRefusalOf([event(note)])).toBe(refusal);
});
