/**
 * Environment variables of the agent that the runner alone decides. Agent settings never hold them, because a value
 * there wins over the one that the agent is started with; nor may a run's `pod.env` reach the agent with them.
 */
export const runnerVariables = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
  "ANTHROPIC_MODEL",
  "CLAUDE_CODE_TMPDIR",
  "CLAUDE_CONFIG_DIR",
  "HOME",
  "ORCHESTRATOR_TASK_ID",
  "PATH",
  "TMPDIR",
] as const;
