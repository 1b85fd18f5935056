import { kubectlOk } from "../support/cluster.ts";
import type { Scene } from "./scene.ts";
import { stableText } from "./stable-text.ts";

/** The endings that docs/reading-a-run.md shows. */
export const shown: readonly string[] = [
  "implemented",
  "incomplete",
  "pod-deleted",
  "rate-limited",
  "quota-full",
  "no-repository-secret",
  "out-of-memory",
  "verification-fails",
  "too-expensive",
  "cancelled",
];

/** What kubectl says of a run that has ended: `get`, and `describe` from the status on. */
export async function showRun({ type, key: { namespace, name } }: Scene): Promise<string> {
  const kind = type.kind === "DocsGenerationRun" ? "dgr" : "tir";
  const got = await kubectlOk(["get", kind, name, "--namespace", namespace]);
  const described = await kubectlOk(["describe", kind, name, "--namespace", namespace]);
  const [, status = "", events = ""] = /\n(Status:\n[^]*)\nEvents:\n([^]*)$/.exec(described) ?? [];
  return [
    `$ kubectl get ${kind} ${name}`,
    table(got),
    `$ kubectl describe ${kind} ${name}`,
    "...",
    stableText(status.trimEnd()),
    "Events:",
    table(events, "  "),
  ].join("\n");
}

/** The same columns, however long names and ages were. */
function table(output: string, indent = ""): string {
  const cut = columns(output.trimEnd().split("\n"));
  const rows = cut.map((row) => row.map((cell) => stableText(cell.trim()).replace(/^(\d+[smhd])+$/, "1m")));
  const width = (index: number): number => Math.max(...rows.map((row) => row[index]?.length ?? 0));
  return rows
    .map((row) => `${indent}${row.map((cell, index) => cell.padEnd(width(index))).join("  ")}`.trimEnd())
    .join("\n");
}

/** The cells of each line, as its head line cuts them. */
function columns([head = "", ...lines]: readonly string[]): string[][] {
  const starts = [...head.matchAll(/(?<=^| {2})\S/g)].map(({ index }) => index);
  return [head, ...lines].map((line) => starts.map((start, index) => line.slice(start, starts[index + 1])));
}

/**
 * The page with what was executed between its markers; what stands around them is written by hand. A page that says the same
 * but for figures stays as it is: what an agent uses and how long it takes differs a little each time.
 */
export function readingPage(page: string, seen: ReadonlyMap<string, string>): string {
  const told = withOutput(page, seen);
  return withoutFigures(told) === withoutFigures(page) ? page : told;
}

/** An agent that was quick has ended before it was seen at work. */
function withoutFigures(text: string): string {
  return text
    .replaceAll(/^.*\bStarted\b.*\n/gm, "")
    .replaceAll(/\d+/g, "0")
    .replaceAll(/ {2,}/g, "  ");
}

function withOutput(page: string, seen: ReadonlyMap<string, string>): string {
  return shown.reduce((text, name) => {
    const [begin, end] = [`<!-- run ${name} -->`, "<!-- end -->"];
    const from = text.indexOf(begin);
    const to = text.indexOf(end, from);
    if (from < 0 || to < 0) throw new Error(`docs/reading-a-run.md has no place for ${name}: ${begin} and ${end}`);
    const output = `${begin}\n\n\`\`\`console\n${seen.get(name) ?? ""}\n\`\`\`\n\n`;
    return `${text.slice(0, from)}${output}${text.slice(to)}`;
  }, page);
}
