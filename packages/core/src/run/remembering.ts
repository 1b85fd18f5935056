import type { KubernetesObject, Store } from "@orchestrator/controller-runtime";

/** What a model's store does with the answers to own writes, each of which arrives. */
export function remembering<T extends KubernetesObject>(
  remember: (object: T) => void,
): Pick<Store<never, T>, "remember" | "write" | "confirm"> {
  return {
    remember,
    write: async (_, attempt) => {
      const answer = await attempt();
      if (answer !== undefined) remember(answer);
      return answer;
    },
    confirm: async () => false,
  };
}
