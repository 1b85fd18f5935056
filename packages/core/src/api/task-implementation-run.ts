import { z } from "zod";
import { duration } from "./duration.ts";
import { dnsLabel, markdownPath, modelName } from "./names.ts";
import { repository } from "./repository.ts";
import { retryConfig } from "./retry-config.ts";
import { boundedRecord, cel, pattern, text, uniqueBy } from "./rule.ts";
import { sharedSpec, withSharedRules } from "./shared-spec.ts";
import { workspace } from "./workspace.ts";

export const markdownFileType = z.enum(["task", "design-spec", "prompt", "context", "acceptance-criteria"]);
const anyWord = /[^ \t\r\n]/u;
export const markdownFile = z.object({
  filename: markdownPath().describe("Plain name or relative path of the file, ending with .md."),
  content: cel(text(65536), {
    rule: `self.matches(${JSON.stringify(anyWord.source)})`,
    holds: (content) => anyWord.test(content),
    message: "may not be blank: say what the agent is to know, or leave the file out",
  }).describe("The file's text."),
  fileType: markdownFileType.describe("What the file is to the agent."),
});
export type MarkdownFile = z.infer<typeof markdownFile>;

const markdownBytes = 131_072;
const markdownFiles = cel(uniqueBy(z.array(markdownFile).max(32), "filename"), {
  rule: `self.map(f, size(bytes(f.content))).sum() <= ${String(markdownBytes)}`,
  holds: (files) => files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0) <= markdownBytes,
  message: `together hold more than ${String(markdownBytes)} bytes: commit the larger ones to .taskmaster/docs/task-ID/ of the repository instead`,
});

const toolFields = z.object({
  name: pattern(128, {
    matches: /^[A-Za-z_][A-Za-z0-9_.*-]*$/u,
    message:
      "must be the name of one tool, such as Bash or mcp__SERVER__TOOL: no commas, parentheses or spaces; what a tool is restricted to goes into restrictions, another tool into an item of its own",
  }).describe("Name of one tool, such as Bash, or mcp__SERVER for the tools of an MCP server."),
  enabled: z.boolean().default(true).describe("Whether the agent may use the tool."),
  restrictions: z
    .array(
      pattern(256, {
        matches: /^[^\p{Cc}(),]+$/u,
        message:
          "must be one restriction without commas and parentheses, such as git commit:*; write each restriction as an item of its own",
      }),
    )
    .max(64)
    .optional()
    .describe("What the tool may be used for, such as git commit:* for Bash. Absent or empty: everything."),
  config: boundedRecord(z.unknown(), 32)
    .optional()
    .describe("The MCP server's definition; only for tools whose name begins with mcp__."),
});

export const agentTool = cel(
  cel(toolFields, {
    rule: `!has(self.config) || self.name.startsWith("mcp__")`,
    holds: ({ config, name }) => config === undefined || name.startsWith("mcp__"),
    message: "config defines an MCP server and needs a name that begins with mcp__: remove config from other tools",
  }),
  {
    rule: "self.enabled || !has(self.restrictions) || self.restrictions.size() == 0",
    holds: ({ enabled, restrictions = [] }) => enabled || restrictions.length === 0,
    message: "a tool that is not enabled is denied as a whole: remove restrictions, or enable it",
  },
);
export type AgentTool = z.infer<typeof agentTool>;

/** Text that holds more than blanks, and no control characters but tabs and the ends of lines. */
function words(max: number, message: string): z.ZodString {
  return pattern(max, { matches: /[^\p{Cc}\p{Z}]/u, excludes: /[^\P{Cc}\n\r\t]/u, message });
}

/** What holds for a run that does not say. */
export const implementationDefaults = { timeout: "2h", maxAgentRetries: 1 } as const;

const { timeout, maxAgentRetries } = implementationDefaults;
const fields = z.object({
  repository: repository
    .optional()
    .describe(
      "Git repository of the service, which also holds the tasks. Absent: the work stays in the service's workspace, and a markdownFile of type task says what is to be done.",
    ),
  workspace: workspace
    .optional()
    .describe(
      "Volume of the service, kept between its runs, which take turns in it. Absent: each attempt begins with an empty one.",
    ),
  ...sharedSpec,
  taskId: z.int32().min(1).describe("Id of the task in tasks.json."),
  serviceName: dnsLabel().describe("Name of the service that is worked on."),
  agentName: dnsLabel().describe("Who the work is done as: stands in names, labels and commits."),
  model: modelName().default("sonnet").describe("Model that implements the task: an alias or a full model id."),
  cancel: sharedSpec.cancel.describe(
    "Ends the current round as Cancelled and keeps the object. It may only become true; a higher contextVersion may reset it in the same edit.",
  ),
  contextVersion: z
    .int32()
    .min(1)
    .default(1)
    .describe(
      "Version of what the run is asked for. It may only rise: a higher one starts a new round on the same branch and pull request.",
    ),
  followUp: words(16_384, "must say what the new round is asked for, or be absent")
    .optional()
    .describe("What the round is asked for in addition; only with contextVersion 2 or higher."),
  markdownFiles: markdownFiles
    .optional()
    .describe(
      "Context given with the run. What is missing here is read from .taskmaster/docs/task-ID/ of the repository.",
    ),
  agentTools: uniqueBy(z.array(agentTool).max(64), "name")
    .optional()
    .describe("Changes to the agent's default permissions, tool by tool."),
  verify: z
    .array(words(4096, "must be a command such as npm test"))
    .max(32)
    .optional()
    .describe(
      "Shell commands that run after the agent, in order, in the folder that it works in; where one fails, the agent is told, and unless it mends that, the run ends as VerificationFailed and opens no pull request.",
    ),
  timeout: duration().default(timeout).describe("How long one attempt may take from the agent's start, such as 2h."),
  retryConfig: retryConfig({ maxAgentRetries }),
});

const followingUp = cel(withSharedRules(fields, { timeout }), {
  rule: "!has(self.followUp) || self.contextVersion > 1",
  holds: ({ followUp, contextVersion }) => followUp === undefined || contextVersion > 1,
  message:
    "asks for more in a round after the first: raise contextVersion in the same edit, or say it in a markdownFile",
  field: "followUp",
});
const withPlace = cel(followingUp, {
  rule: "has(self.repository) || has(self.workspace)",
  holds: (spec) => spec.repository !== undefined || spec.workspace !== undefined,
  message: "is needed, or else a workspace in which the work stays: name a repository, or give workspace.size",
  field: "repository",
});

export const taskImplementationRunSpec = cel(withPlace, {
  rule: `has(self.repository) || (has(self.markdownFiles) && self.markdownFiles.exists(f, f.fileType == "task"))`,
  holds: (spec) =>
    spec.repository !== undefined || (spec.markdownFiles ?? []).some(({ fileType }) => fileType === "task"),
  message:
    "must say what is to be done where there is no repository with tasks: give a file of fileType task, or name a repository",
  field: "markdownFiles",
});
export type TaskImplementationRunSpec = z.infer<typeof taskImplementationRunSpec>;
