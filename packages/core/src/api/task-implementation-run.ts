import { z } from "zod";
import { duration } from "./duration.ts";
import { dnsLabel, markdownPath, modelName } from "./names.ts";
import { repository } from "./repository.ts";
import { boundedRecord, cel, pattern, text, uniqueBy } from "./rule.ts";
import { sharedSpec } from "./shared-spec.ts";

export const markdownFileType = z.enum(["task", "design-spec", "prompt", "context", "acceptance-criteria"]);
export const markdownFile = z.object({
  filename: markdownPath().describe("Plain name or relative path of the file, ending with .md."),
  content: text(65536).describe("The file's text."),
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

export const taskImplementationRunSpec = z.object({
  repository: repository.describe("Git repository of the service, which also holds the tasks."),
  ...sharedSpec,
  taskId: z.int32().min(1).describe("Id of the task in tasks.json."),
  serviceName: dnsLabel().describe("Name of the service that is worked on."),
  agentName: dnsLabel().describe("Who the work is done as: stands in names, labels and commits."),
  model: modelName().default("sonnet").describe("Model that implements the task: an alias or a full model id."),
  contextVersion: z
    .int32()
    .min(1)
    .max(1)
    .default(1)
    .describe("Version of the context that the run is given; there is only version 1 so far."),
  markdownFiles: markdownFiles
    .optional()
    .describe(
      "Context given with the run. What is missing here is read from .taskmaster/docs/task-ID/ of the repository.",
    ),
  agentTools: uniqueBy(z.array(agentTool).max(64), "name")
    .optional()
    .describe("Changes to the agent's default permissions, tool by tool."),
  timeout: duration().default("2h").describe("How long one attempt may take from the agent's start."),
});
export type TaskImplementationRunSpec = z.infer<typeof taskImplementationRunSpec>;
