import { resources } from "@orchestrator/controller-runtime";
import { buildNetworkPolicy } from "../pod/network-policy.ts";
import type { Action, Situation } from "./decision.ts";
import { annotations } from "./labels.ts";

/**
 * Sees to it that the network policy of the run's kind stands in its namespace before the first pod does. One of an operator
 * with other settings is brought up to date; one that somebody has changed by hand is left to them.
 */
export function ensureNetworkPolicy({ handler, observation, settings }: Situation): Action[] {
  if (settings.networkPolicy === undefined) return [];
  const { kind } = handler.resource;
  const { open } = settings.networkPolicy;
  const { namespace } = observation.run;
  const policy = buildNetworkPolicy({ namespace, kind, prefix: handler.prefix, open });
  const found = observation.networkPolicy;
  if (found === undefined) return [{ type: "create", resource: resources.networkPolicies, object: policy }];
  if (found.policyHash === policy.metadata.annotations?.[annotations.policyHash]) return [];
  return [{ type: "updateNetworkPolicy", policy, resourceVersion: found.resourceVersion }];
}
