/** A backlog as Task Master writes it, and the small service that it is about. */
export const sampleFiles: Readonly<Record<string, string>> = {
  "README.md": `# Backlog

The team's backlog is in \`.taskmaster/tasks/tasks.json\`; the services are in \`services/\`.

- \`services/greeter\`: answers \`GET /greet/<name>\` with a greeting. Run its tests with \`node --test\`.
`,
  ".taskmaster/tasks/tasks.json": `${JSON.stringify(
    {
      master: {
        tasks: [
          {
            id: 1,
            title: "Greet in the language that the client asks for",
            description: "The greeter answers in English whatever the client's Accept-Language says.",
            details:
              "Read Accept-Language with its quality values. Support en, de, fr and ja; anything else gets English. Keep the texts in one table, and set Content-Language in the answer.",
            testStrategy: "Unit tests for the choice of the language; one request for each supported language.",
            priority: "high",
            dependencies: [],
            status: "pending",
            subtasks: [
              { id: 1, title: "Choose the language by quality values", status: "pending", dependencies: [] },
              { id: 2, title: "Set Content-Language", status: "pending", dependencies: [1] },
            ],
          },
          {
            id: 2,
            title: "Limit how often one client may ask",
            description: "A single client can keep the greeter busy. Answer 429 beyond 60 requests a minute.",
            details:
              "A token bucket for each remote address, in memory, with Retry-After in the refusal. At most 10,000 addresses are remembered; the one unused for longest is forgotten first.",
            testStrategy:
              "Unit tests with a clock of their own: the 61st request is refused, one second later one passes.",
            priority: "medium",
            dependencies: [1],
            status: "pending",
            subtasks: [],
          },
          {
            id: 3,
            title: "Say in /healthz which version runs",
            description: "Operations cannot tell which version of the greeter answers.",
            details: "GET /healthz answers {status, version} as JSON, the version taken from package.json at start.",
            testStrategy: "A request to /healthz in the test of the server.",
            priority: "low",
            dependencies: [],
            status: "done",
            subtasks: [],
          },
        ],
        metadata: { description: "Work on the greeter" },
      },
    },
    null,
    2,
  )}\n`,
  "services/greeter/package.json": `${JSON.stringify(
    { name: "greeter", version: "1.4.0", private: true, type: "module", scripts: { test: "node --test" } },
    null,
    2,
  )}\n`,
  "services/greeter/src/greeting.js": `/** The greeting for a person. */
export function greeting(name) {
  return \`Hello, \${name}!\`;
}
`,
  "services/greeter/src/server.js": `import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { greeting } from "./greeting.js";

const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));

export const server = createServer((request, response) => {
  const url = new URL(request.url, "http://greeter");
  if (url.pathname === "/healthz") {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ status: "ok", version }));
    return;
  }
  const name = /^\\/greet\\/([^/]+)$/.exec(url.pathname)?.[1];
  if (name === undefined) response.writeHead(404).end();
  else response.setHeader("content-type", "text/plain").end(greeting(decodeURIComponent(name)));
});
`,
  "services/greeter/test/greeting.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { greeting } from "../src/greeting.js";

test("greets a person by name", () => {
  assert.equal(greeting("Ada"), "Hello, Ada!");
});
`,
};
