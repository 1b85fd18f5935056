import { ApiError, type StatusDetails } from "@orchestrator/controller-runtime";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { InvalidConfig } from "./invalid-config.ts";
import { KubeError } from "./kube-error.ts";
import { ResourceNotFound } from "./resource-not-found.ts";
import { SerializationError } from "./serialization-error.ts";
import { SettingsError } from "./settings-error.ts";
import { TemplateError } from "./template-error.ts";
import { isControllerError, toControllerError } from "./to-controller-error.ts";

const operation = "create Job team-a/docs-1";
const refusal = (status: number, reason: string, details?: StatusDetails) =>
  new ApiError({ status, reason, message: `the server says ${reason}`, details });
const zodError = (schema: z.ZodType, value: unknown) => {
  const { error } = schema.safeParse(value);
  if (error === undefined) throw new Error("the value was accepted");
  return error;
};

describe("what was thrown becomes", () => {
  it.each([
    { status: 409, reason: "Conflict", retryable: true },
    { status: 403, reason: "Forbidden", retryable: true },
    { status: 429, reason: "TooManyRequests", retryable: true },
    { status: 503, reason: "ServiceUnavailable", retryable: true },
    { status: 422, reason: "Invalid", retryable: false },
    { status: 400, reason: "BadRequest", retryable: false },
    { status: 413, reason: "RequestEntityTooLarge", retryable: false },
  ])("a KubeError for $status, retryable: $retryable", ({ status, reason, retryable }) => {
    const cause = refusal(status, reason);
    const error = toControllerError(cause, operation);
    expect(error).toBeInstanceOf(KubeError);
    expect(error).toMatchObject({ kind: "KubeError", operation, status, reason, retryable, cause });
    expect(error.message).toBe(`Cannot ${operation}: the server says ${reason}`);
  });

  it("a ResourceNotFound where the server names what is missing", () => {
    const cause = refusal(404, "NotFound", { kind: "namespaces", name: "team-a" });
    const error = toControllerError(cause, operation);
    expect(error).toBeInstanceOf(ResourceNotFound);
    expect(error).toMatchObject({ resourceType: "namespaces", resourceName: "team-a", retryable: true, cause });
    expect(error.message).toBe("namespaces team-a does not exist");
  });

  it.each([{ details: undefined }, { details: { kind: "", name: "x" } }])(
    "a KubeError where a path is missing and not an object: $details",
    ({ details }) => {
      expect(toControllerError(refusal(404, "NotFound", details), operation)).toMatchObject({
        kind: "KubeError",
        status: 404,
        retryable: true,
      });
    },
  );

  it("a SerializationError for text that does not parse", () => {
    const cause = new SyntaxError("Unexpected end of JSON input");
    const error = toControllerError(cause, operation);
    expect(error).toMatchObject({ kind: "SerializationError", retryable: false, cause });
    expect(error.message).toContain(operation);
  });

  it("a SerializationError that says in a sentence what does not fit a schema", () => {
    const error = toControllerError(zodError(z.object({ a: z.object({ b: z.string() }) }), { a: { b: 1 } }), operation);
    expect(error.kind).toBe("SerializationError");
    expect(error.message).toContain("a.b");
    expect(error.message).not.toContain("{");
  });

  it.each([new Error("socket hang up"), "socket hang up"])("a retryable KubeError without a status for %s", (cause) => {
    const error = toControllerError(cause, operation);
    expect(error).toMatchObject({ kind: "KubeError", status: undefined, retryable: true, cause });
    expect(error.message).toBe(`Cannot ${operation}: socket hang up`);
  });

  const ours = [
    KubeError.unanswered(operation, new Error("x")),
    TemplateError.missingValue("a.sh.hbs", "runner"),
    InvalidConfig.field({ object: "environment", field: "LOG_LEVEL", cure: "must be info" }),
    SettingsError.invalid(zodError(z.string(), 1)),
    ResourceNotFound.of("Job", "team-a/x"),
    SerializationError.writing("run.json", new Error("x")),
  ];
  it.each(ours)("itself where it is one already: $name", (error) => {
    expect(toControllerError(error, operation)).toBe(error);
    expect(isControllerError(error)).toBe(true);
    expect(error.kind).toBe(error.name);
  });

  it("nothing of ours by mistake", () => {
    expect(isControllerError(new Error("x"))).toBe(false);
    expect(isControllerError({ kind: "KubeError", retryable: true })).toBe(false);
  });
});

describe("an error tells a person", () => {
  it("which setting is wrong, and the cure", () => {
    const cause = new Error("not a number");
    const error = InvalidConfig.field({ object: "environment", field: "METRICS_PORT", cure: "must be a port", cause });
    expect(error.message).toBe("METRICS_PORT of environment must be a port");
    expect(error).toMatchObject({ object: "environment", field: "METRICS_PORT", retryable: false, cause });
  });

  it("which setting of the agent is wrong", () => {
    const schema = z.object({ permissions: z.object({ allow: z.array(z.string()) }) });
    const error = SettingsError.invalid(zodError(schema, { permissions: { allow: [1] } }));
    expect(error.setting).toBe("permissions.allow.0");
    expect(error.message).toMatch(/^Agent settings are not valid: permissions\.allow\.0: /);
    expect(SettingsError.invalid(zodError(z.string(), 1)).message).toContain("not valid: settings: ");
    expect(SettingsError.invalid(new z.ZodError([])).setting).toBe("");
  });

  it("which template and value", () => {
    expect(TemplateError.missingValue("a.sh.hbs", "runner")).toMatchObject({ template: "a.sh.hbs", value: "runner" });
    expect(TemplateError.invalid("a.sh.hbs", "no reason").message).toBe("Template a.sh.hbs is not valid: no reason");
    expect(TemplateError.unreadable("a.sh.hbs", new Error("x")).value).toBeUndefined();
  });

  it("what could not be written", () => {
    const error = SerializationError.writing("run.json", "a cycle");
    expect(error.message).toBe("Cannot write run.json: a cycle");
    expect(error.subject).toBe("run.json");
  });

  it("keeps what it was caused by", () => {
    const cause = new Error("x");
    expect(ResourceNotFound.of("Job", "x", cause).cause).toBe(cause);
    expect(ResourceNotFound.of("Job", "x")).not.toHaveProperty("cause");
    expect(TemplateError.unreadable("a", cause).cause).toBe(cause);
  });
});
