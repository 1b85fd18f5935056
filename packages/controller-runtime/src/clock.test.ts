import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

const days = 24 * 3_600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([1, 20 * days, 90 * days])("calls once after %d ms", (milliseconds) => {
  const called = vi.fn<() => void>();
  systemClock.schedule(milliseconds, called);
  vi.advanceTimersByTime(milliseconds - 1);
  expect(called).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1 + 90 * days);
  expect(called).toHaveBeenCalledTimes(1);
});

it("calls soon what is overdue, without a warning", async () => {
  vi.useRealTimers();
  const warn = vi.spyOn(process, "emitWarning");
  await new Promise<void>((resolve) => {
    systemClock.schedule(-0.2, resolve);
  });
  expect(warn).not.toHaveBeenCalled();
});

it("calls off what is due in weeks, at any time before", () => {
  const called = vi.fn<() => void>();
  const cancel = systemClock.schedule(90 * days, called);
  vi.advanceTimersByTime(60 * days);
  cancel();
  vi.advanceTimersByTime(90 * days);
  expect(called).not.toHaveBeenCalled();
});
