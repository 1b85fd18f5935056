/** Lines at the end of a commit's message that say which run made it, and in which round. */
export const runTrailer = "Orchestrator-Run";
export const roundTrailer = "Orchestrator-Round";

/** Who the gateway's own commits are by. */
export const gatewayIdentity = "Orchestrator <gateway@orchestrator.invalid>";

/** Message of commits of unfinished work. */
export const workInProgress = "Work in progress";

/** Ref of the gateway's repository: unfinished work, as the agent's container puts it there or is to go on from. */
export const workRef = "refs/orchestrator/work";
