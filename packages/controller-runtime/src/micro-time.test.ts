import { expect, it } from "vitest";
import { microTime } from "./micro-time.ts";

it("has six digits of the second", () => {
  expect(microTime(Date.parse("2026-03-04T05:06:07.089Z"))).toBe("2026-03-04T05:06:07.089000Z");
});
