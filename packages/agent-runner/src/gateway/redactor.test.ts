import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { Redactor } from "./redactor.ts";

const secret = 'p"ss/wörd+=';

test.each([
  ["as it is", secret],
  ["in a URL", encodeURIComponent(secret)],
  ["in JSON", JSON.stringify({ secret })],
  ["in Basic credentials", Buffer.from(`x-access-token:${secret}`).toString("base64")],
])("a secret is taken out %s", (_how, text) => {
  const redactor = new Redactor();
  redactor.add(secret);
  const cleaned = redactor.apply(`before ${text} after`);
  expect(cleaned).toContain("[redacted]");
  expect(cleaned).toMatch(/^before .* after$/);
  expect(cleaned).not.toContain(secret);
});

test("a log entry is one JSON line without secrets, also those learnt after the logger was made", () => {
  const redactor = new Redactor();
  const lines: string[] = [];
  const logger = createLogger(redactor, (line) => lines.push(line));
  redactor.add(secret);
  logger.warn({ err: new Error(`refused ${secret}`) }, `tried ${secret}`);
  expect(lines).toHaveLength(1);
  const entry = JSON.parse(lines[0] ?? "") as { message: string; err: { message: string } };
  expect(entry).toMatchObject({
    component: "gateway",
    message: "tried [redacted]",
    err: { message: "refused [redacted]" },
  });
});
