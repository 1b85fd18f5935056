import { describe, expect, it } from "vitest";
import { announceModel, chooseModel } from "./model.ts";

describe("model of quickstart", () => {
  it.each([{}, { ANTHROPIC_API_KEY: "" }, { ANTHROPIC_API_KEY: " " }])("rehearses without a key: %j", (env) => {
    const model = chooseModel(env);
    expect(model).toEqual({ type: "rehearsal" });
    expect(announceModel(model)).toContain("nothing is spent");
  });

  it("asks the real model when there is a key, says that it costs, and does not show the key", () => {
    const model = chooseModel({ ANTHROPIC_API_KEY: "sk-secret" });
    expect(model).toEqual({ type: "real", apiKey: "sk-secret", baseUrl: "https://api.anthropic.com" });
    expect(announceModel(model)).toContain("costs money");
    expect(announceModel(model)).not.toContain("sk-secret");
  });
});
