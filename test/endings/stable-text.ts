/** What differs from one execution to the next, and what stands for it in the docs. */
const volatile: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "2026-01-02T03:04:05Z"],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "5a3e8c9d-7f00-4b1a-9c55-000000000001"],
  [/\b127\.0\.0\.1:\d+/g, "forge.example"],
  [/\btest-node-[0-9a-f]{6}\b/g, "node-1"],
  [/\bendings(-beside)?-[0-9a-f]{8}\b/g, "team-a"],
  [/\bsha256:[0-9a-f]{64}\b/g, `sha256:${"0".repeat(8)}...`],
  [/\b[0-9a-f]{40}\b/g, "c0ffee0000000000000000000000000000000000"],
  [/\d+\/\d+ nodes are available: .*?not helpful for scheduling\./g, "0/3 nodes are available: ..."],
  [/\b127\.0\.0\.1 port \d+ after \d+ ms\b/g, "forge.example port 443 after 1 ms"],
  // Told where the agent had begun, which one that is ended from outside may or may not have.
  [/ Its work could not be kept, and it is not done again from nothing\./g, ""],
  // The hash in the name of an attempt or a branch, and what a Job adds for its pod.
  [/-[0-9a-f]{10}-[a-z0-9]{5}\b/g, "-0a1b2c3d4e-x7k2q"],
  [/-[0-9a-f]{10}\b/g, "-0a1b2c3d4e"],
];

/** The text as every execution has it. */
export function stableText(text: string): string {
  return volatile.reduce((stable, [pattern, replacement]) => stable.replaceAll(pattern, replacement), text);
}
