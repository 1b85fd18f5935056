import type { Ending } from "./ending.ts";
import { implement, twice } from "./work.ts";
import { titleOf } from "./title.ts";

export const limit: readonly Ending[] = [
  {
    name: "too-expensive",
    cause: "The model's answers cost more than `spec.budget.maxCostUsd`.",
    reason: "BudgetExceeded",
    tells: ["spec.budget.maxCostUsd is 0.05"],
    run: implement({ details: "[[rehearse:many-turns]]", spec: { ...twice, budget: { maxCostUsd: "0.05" } } }),
  },
  {
    name: "past-its-deadline",
    cause: "The round is not over at `spec.deadline`, while the agent works.",
    reason: "DeadlineExceeded",
    tells: ["did not end within spec.deadline"],
    run: implement({ details: "[[rehearse:hang]]", spec: { ...twice, deadline: "12s" } }),
  },
  {
    name: "cancelled",
    cause: "Somebody sets `spec.cancel` while the agent works.",
    reason: "Cancelled",
    tells: ["spec.cancel"],
    run: async (stage, name) => {
      stage.model.holds.hold(titleOf(name));
      return await implement({ spec: twice })(stage, name);
    },
    meanwhile: async (scene) => {
      await scene.untilPhase("Running");
      await scene.untilAsked();
      await scene.edit({ cancel: true });
    },
  },
];
