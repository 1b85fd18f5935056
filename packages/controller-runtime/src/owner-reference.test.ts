import { expect, it } from "vitest";
import { controllerOf } from "./owner-reference.ts";

const job = { apiVersion: "batch/v1", kind: "Job", name: "a", uid: "1", controller: true };
const other = { apiVersion: "v1", kind: "ConfigMap", name: "b", uid: "2" };

it.each([
  { name: "the one that controls", ownerReferences: [other, job], owner: job },
  { name: "none where there are none", ownerReferences: undefined, owner: undefined },
  { name: "none where none controls", ownerReferences: [other], owner: undefined },
])("the controlling owner is $name", ({ ownerReferences, owner }) => {
  expect(controllerOf({ ...(ownerReferences && { ownerReferences }) })).toEqual(owner);
});
