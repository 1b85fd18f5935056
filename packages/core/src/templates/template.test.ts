import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { TemplateError } from "../errors/template-error.ts";
import { compileTemplate } from "./template.ts";

/** Renders as whoever ignores the types would. */
function render(source: string, values: Record<string, unknown>, name = "x.md.hbs"): string {
  return compileTemplate<Record<string, string>>(name, source).render(values as Record<string, string>);
}

function failure(act: () => unknown): TemplateError {
  try {
    act();
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a template", () => {
  it("puts values in as they are, without HTML escapes", () => {
    expect(render("{{a}} & {{a}}", { a: `<"&'>` })).toBe(`<"&'> & <"&'>`);
  });

  it("renders again and again with other values", () => {
    const template = compileTemplate<{ a: string }>("x.md.hbs", "[{{a}}]");
    expect([template.render({ a: "1" }), template.render({ a: "2" })]).toEqual(["[1]", "[2]"]);
  });

  it("takes an empty string for false", () => {
    expect(render("{{#if a}}yes{{else}}no{{/if}}", { a: "" })).toBe("no");
    expect(render("{{#if a}}yes{{else}}no{{/if}}", { a: "0" })).toBe("yes");
  });

  it.each([
    { place: "as a value", source: "{{a}}" },
    { place: "in a condition", source: "{{#if a}}x{{/if}}" },
    { place: "in a negated condition", source: "{{#unless a}}x{{/unless}}" },
    { place: "as an argument", source: "{{quote a}}" },
    { place: "as a block", source: "{{#a}}x{{/a}}" },
  ])("names itself and the value that is undefined $place", ({ source }) => {
    for (const values of [{}, { a: undefined }]) {
      const error = failure(() => render(source, values, "prompt.md.hbs"));
      expect(error).toMatchObject({ template: "prompt.md.hbs", value: "a" });
      expect(error.message).toBe("Template prompt.md.hbs needs the value a, which is not given");
    }
  });

  it.each(["constructor", "__proto__"])("does not find %s where nobody gave it", (value) => {
    expect(failure(() => render(`{{${value}}}`, {})).value).toBe(value);
  });

  it.each([{ a: 1 }, { a: true }, { a: null }, { a: ["x"] }])("refuses what is no string: %j", (values) => {
    // Handlebars would print 2 here.
    const error = failure(() => render("{{a}}{{a}}", values));
    expect(error.value).toBe("a");
    expect(error.message).toContain("must be a string");
  });

  it("prints two numbers given as strings side by side", () => {
    expect(render("{{a}}{{b}}", { a: "1", b: "2" })).toBe("12");
  });

  it("says what is wrong with its own text", () => {
    expect(failure(() => render("{{a}", { a: "x" })).message).toMatch(/^Template x\.md\.hbs is not valid: Parse error/);
    expect(failure(() => render("{{> other}}", {})).message).toContain("other");
  });
});

describe("a template for shell", () => {
  it.each([
    "plain",
    "",
    "two words",
    "it's",
    `"double" $HOME $(id) \`id\` \\`,
    "line\nbreak",
    "-n",
    "; exit 3 #",
    "ä€𝄞",
  ])("gives %j to a program as one word", (value) => {
    const script = render("printf '[%s]' {{quote value}}", { value }, "x.sh.hbs");
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(`[${value}]`);
  });

  it("cannot carry NUL, which no program can be given", () => {
    expect(failure(() => render("{{quote value}}", { value: "a\0b" }, "x.sh.hbs")).message).toContain("NUL");
  });

  it("quotes strings only", () => {
    expect(failure(() => render("{{quote 7}}", {}, "x.sh.hbs")).message).toContain("must be a string");
  });

  it.each([
    "echo {{value}}",
    "echo {{{value}}}",
    "echo {{&value}}",
    "{{#if a}}echo {{value}}{{/if}}",
    "{{lookup value}}",
  ])("is not compiled where a value is not quoted: %s", (source) => {
    expect(failure(() => compileTemplate("x.sh.hbs", source)).message).toContain("unquoted");
  });

  it("may have comments and conditions", () => {
    expect(render("{{! note }}{{#if a}}echo {{quote a}}{{/if}}", { a: "x" }, "x.sh.hbs")).toBe("echo 'x'");
  });
});
