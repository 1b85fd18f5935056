import { z } from "zod";
import { cel, pattern } from "./rule.ts";

const fields = z.object({
  maxCostUsd: pattern(22, {
    matches: /^[0-9]{1,9}([.][0-9]{1,12})?$/u,
    excludes: /^[0.]+$/u,
    message: 'must be an amount of US dollars above 0, in quotes, such as "2.50"',
  })
    .optional()
    .describe('What the model may cost in US dollars, a decimal number in quotes such as "2.50". Absent: no limit.'),
  maxTurns: z.int32().min(1).optional().describe("How many answers the model may give. Absent: no limit."),
});

/** Hard limits of a round, over all its attempts and sessions. */
export const budget = cel(fields, {
  rule: "has(self.maxCostUsd) || has(self.maxTurns)",
  holds: ({ maxCostUsd, maxTurns }) => maxCostUsd !== undefined || maxTurns !== undefined,
  message: "limits nothing: give maxCostUsd or maxTurns or both, or remove budget",
});
export type Budget = z.infer<typeof budget>;
