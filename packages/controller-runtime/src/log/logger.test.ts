import { expect, it } from "vitest";
import { createLogger } from "./logger.ts";

function capture(level = "info") {
  const lines: string[] = [];
  const logger = createLogger({ level, name: "operator", destination: { write: (line) => void lines.push(line) } });
  return { logger, lines };
}

it("writes a JSON line with level, time and name", () => {
  const { logger, lines } = capture();
  logger.info({ run: "a" }, "started");
  logger.debug("not shown");
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(line).toMatchObject({ level: "info", name: "operator", run: "a", msg: "started" });
  expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

it("tells the causes of an error", () => {
  const { logger, lines } = capture();
  logger.error({ err: new Error("outer", { cause: new Error("inner") }) }, "failed");
  expect(lines[0]).toContain("outer");
  expect(lines[0]).toContain("inner");
});

it.each([
  { name: "a header", fields: { headers: { authorization: "hush" } } },
  { name: "a request's header", fields: { request: { headers: { Authorization: "hush" } } } },
  {
    name: "an error's header",
    fields: { err: Object.assign(new Error("x"), { request: { headers: { authorization: "hush" } } }) },
  },
  { name: "credentials", fields: { credentials: { token: "hush", password: "hush" } } },
  { name: "a token", fields: { token: "hush" } },
])("never shows $name", ({ fields }) => {
  const { logger, lines } = capture();
  logger.error(fields, "failed");
  expect(lines[0]).toContain("[secret]");
  expect(lines[0]).not.toContain("hush");
});
