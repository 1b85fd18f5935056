import { compile } from "@mdx-js/mdx";
import type { Root } from "mdast";
import { treeProblem } from "./markdown.ts";

/**
 * Says what is wrong with an MDX document; undefined when it parses. Parsing means: the MDX compiler takes it, JSX and
 * expressions included (nothing of it is run), and it meets what is asked of Markdown.
 */
export async function mdxProblem(text: string): Promise<string | undefined> {
  let problem: string | undefined;
  const inspect = () => (root: Root) => {
    problem = treeProblem(root, text);
  };
  try {
    await compile(text, { format: "mdx", remarkPlugins: [inspect] });
  } catch (error) {
    if (error instanceof Error && "reason" in error) return `${position(error)}${String(error.reason)}`;
    throw error;
  }
  return problem;
}

function position(error: Error): string {
  return "line" in error && typeof error.line === "number" ? `line ${error.line}: ` : "";
}
