import type { Code, Html, Nodes, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";

/**
 * Says what is wrong with a Markdown document; undefined when it parses. Every text is some Markdown, so parsing
 * means here: it has a heading with text, and every code fence and HTML comment that is opened is closed.
 */
export function markdownProblem(text: string): string | undefined {
  return treeProblem(fromMarkdown(text), text);
}

/** The same for a tree that a parser of Markdown's family made from `text`. */
export function treeProblem(root: Root, text: string): string | undefined {
  let headings = 0;
  for (const node of nodes(root)) {
    if (node.type === "heading" && hasText(node)) headings += 1;
    if (node.type === "code" && !isClosedFence(node, text)) return `${line(node)}the code fence is never closed`;
    if (node.type === "html" && isOpenComment(node)) return `${line(node)}the HTML comment is never closed`;
  }
  return headings === 0 ? "it has no heading" : undefined;
}

function* nodes(node: Nodes): Generator<Nodes> {
  yield node;
  if ("children" in node) for (const child of node.children) yield* nodes(child);
}

function hasText(node: Nodes): boolean {
  return "value" in node ? node.value.trim() !== "" : "children" in node && node.children.some(hasText);
}

/** Indented code has no fence. Lines of a fence inside a list or quote carry that container's marks in front. */
function isClosedFence(node: Code, text: string): boolean {
  const source = text.slice(node.position?.start.offset ?? 0, node.position?.end.offset ?? 0);
  const fence = /^(?:`{3,}|~{3,})/.exec(source)?.[0];
  if (fence === undefined) return true;
  const lines = source.split(/\r?\n/);
  const last = lines.length < 2 ? "" : (lines.at(-1) ?? "").replace(/^[\s>]*/, "").trimEnd();
  return last.startsWith(fence) && last === fence.charAt(0).repeat(last.length);
}

function isOpenComment(node: Html): boolean {
  return node.value.startsWith("<!--") && !node.value.includes("-->");
}

function line(node: Nodes): string {
  return node.position === undefined ? "" : `line ${node.position.start.line}: `;
}
