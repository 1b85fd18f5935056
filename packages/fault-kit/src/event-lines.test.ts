import { expect, it } from "vitest";
import { joinEvents, readEvent } from "./event-lines.ts";

const event = (type: string, uid: string, resourceVersion: number) =>
  readEvent(JSON.stringify({ type, object: { metadata: { uid, resourceVersion: String(resourceVersion) } } }));

it("keeps the last state of each object, in the order in which they came", () => {
  const events = [
    event("MODIFIED", "a", 1),
    event("ADDED", "b", 2),
    event("MODIFIED", "a", 3),
    event("BOOKMARK", "", 4),
  ];
  expect(joinEvents(events).map(({ type, uid, resourceVersion }) => [type, uid, resourceVersion])).toEqual([
    ["ADDED", "b", 2],
    ["MODIFIED", "a", 3],
    ["BOOKMARK", "", 4],
  ]);
});

it("adds an object as it is in the end, and tells of one that came and went that it is gone", () => {
  const events = [event("ADDED", "a", 1), event("MODIFIED", "a", 2), event("ADDED", "b", 3), event("DELETED", "b", 4)];
  const [first, ...rest] = joinEvents(events);
  expect(rest).toEqual([event("DELETED", "b", 4)].map((gone) => expect.objectContaining(gone) as object));
  expect(JSON.parse(first?.text ?? "")).toEqual({
    type: "ADDED",
    object: { metadata: { uid: "a", resourceVersion: "2" } },
  });
});

it("still tells that an object is gone that was seen before", () => {
  expect(joinEvents([event("MODIFIED", "a", 1), event("DELETED", "a", 2)]).map(({ type }) => type)).toEqual([
    "DELETED",
  ]);
});
