import type { z } from "zod";
import {
  agentMessage,
  gatewayMessage,
  prepareMessage,
  type AgentMessage,
  type GatewayMessage,
  type PrepareMessage,
} from "../pod/termination-message.ts";
import { defined } from "./defined.ts";
import type { ContainerView, PodView } from "./observation.ts";

/** What the containers of a pod have told by their termination messages. A message that does not parse was not told. */
export interface PodReport {
  gateway?: GatewayMessage;
  prepare?: PrepareMessage;
  agent?: AgentMessage;
}

export function readReport(pod: PodView): PodReport {
  return defined({
    gateway: read(gatewayMessage, pod.gateway),
    prepare: read(prepareMessage, pod.prepare),
    agent: read(agentMessage, pod.agent),
  });
}

function read<T>(schema: z.ZodType<T>, container: ContainerView): T | undefined {
  return container.type === "terminated" && container.message !== ""
    ? schema.safeParse(parsed(container.message)).data
    : undefined;
}

/** Undefined, which no schema here takes, for what is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
