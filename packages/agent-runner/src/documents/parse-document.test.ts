import { describe, expect, it } from "vitest";
import { documentProblem } from "./parse-document.ts";

describe("a document", () => {
  it.each([
    ["Markdown", "# Title\n\nText with `code` and <b>HTML</b>.\n\n```ts\nconst a = 1;\n```\n"],
    ["Markdown", "---\ntitle: x\n---\n\n# A\n\n    indented code\n\n~~~~\n~~~\n~~~~\n"],
    ["Markdown", "# A\n\n- item\n\n  ```sh\n  make\n  ```\n\n> ```\n> quoted\n> ```\n\n<!-- note -->\n"],
    ["Markdown", "Title\n=====\n\n````md\n```\ninner\n```\n````\n"],
    ["MDX", "import { A } from './a.js'\n\n# Title\n\n<A value={1 + 1}>\n  text\n</A>\n"],
    ["AsciiDoc", "= Title\n\n== Section\n\n----\nlisting\n----\n"],
    ["AsciiDoc", "== Only a section\n\ntext\n\n==== out of sequence\n\nx\n"],
  ] as const)("of format %s parses: %j", async (format, text) => {
    await expect(documentProblem(format, text)).resolves.toBeUndefined();
  });

  it.each([
    ["Markdown", " \n", "it is empty"],
    ["MDX", "", "it is empty"],
    ["AsciiDoc", "\n", "it is empty"],
    ["Markdown", `# A\n${"x".repeat(1024 * 1024)}`, "it is longer than 1048576 characters"],
    ["Markdown", "just text\n", "it has no heading"],
    ["Markdown", "#\n\ntext\n", "it has no heading"],
    ["Markdown", "# A\n\n```ts\nconst a = 1;\n", "line 3: the code fence is never closed"],
    ["Markdown", "# A\n\n````\n```\n", "line 3: the code fence is never closed"],
    ["Markdown", "# A\n\n- x\n\n  ~~~\n  y\n\nz\n", "line 5: the code fence is never closed"],
    ["Markdown", "# A\n\n```", "line 3: the code fence is never closed"],
    ["Markdown", "# A\n\n<!-- note\n", "line 3: the HTML comment is never closed"],
    ["MDX", "# A\n\n<Open>\n\ntext\n", "Expected a closing tag for `<Open>` (3:1-3:7)"],
    ["MDX", "# A\n\n{ 1 + }\n", /^line 3: Could not parse expression/],
    ["MDX", "# A\n\n```\nx\n", "line 3: the code fence is never closed"],
    ["MDX", "text <!-- no comment in MDX -->\n", /^line 1: Unexpected character `!`/],
    ["MDX", "text\n", "it has no heading"],
    ["AsciiDoc", "= A\n\n----\nlisting\n", "line 3: unterminated listing block"],
    ["AsciiDoc", "= A\n\n|===\n|a\n", "line 3: unterminated table block"],
    ["AsciiDoc", "= A\n\nifdef::x[]\ntext\n", /^line 3: detected unterminated preprocessor conditional/],
    ["AsciiDoc", "text only\n", "it has no heading"],
  ] as const)("of format %s does not parse: %j", async (format, text, problem) => {
    await expect(documentProblem(format, text)).resolves.toMatch(problem);
  });

  it("takes in no other file", async () => {
    await expect(documentProblem("AsciiDoc", "include::/etc/passwd[]\n")).resolves.toBe("it has no heading");
  });
});
