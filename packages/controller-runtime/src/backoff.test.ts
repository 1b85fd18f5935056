import { expect, it } from "vitest";
import { backoffDelay } from "./backoff.ts";

const backoff = { initialMs: 800, maxMs: 30_000 };

it.each([
  { name: "starts at the initial delay", failures: 0, random: 0, delay: 800 },
  { name: "doubles", failures: 3, random: 0, delay: 6400 },
  { name: "stops growing at the longest delay", failures: 6, random: 0, delay: 30_000 },
  { name: "stays finite after very many failures", failures: 5000, random: 0, delay: 30_000 },
  { name: "is shortened at random, by a quarter at most", failures: 0, random: 1, delay: 600 },
  { name: "is spread at the longest delay too", failures: 50, random: 0.5, delay: 26_250 },
])("the delay $name", ({ failures, random, delay }) => {
  expect(backoffDelay(failures, backoff, () => random)).toBe(delay);
});
