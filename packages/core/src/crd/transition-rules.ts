/** A rule of the API server about the change of a spec. */
export interface TransitionRule {
  /** CEL; `oldSelf` is the spec before. */
  rule: string;
  message: string;
  fieldPath: string;
  reason: "FieldValueForbidden";
}

/** When a field of a run that exists may be changed. */
type Mutability = "always" | "onlyToTrue" | "onlyUp" | "withNewRound" | "never";

const mutable: Readonly<Record<string, Mutability>> = {
  suspend: "always",
  cancel: "onlyToTrue",
  retention: "always",
  contextVersion: "onlyUp",
  followUp: "withNewRound",
  markdownFiles: "withNewRound",
  budget: "withNewRound",
};
const newRound = "self.contextVersion > oldSelf.contextVersion";

/** What may become of a spec with these fields. */
export function transitionRules(fields: readonly string[]): TransitionRule[] {
  return fields.flatMap((field) => rulesOf(field, hasRounds(fields)));
}

/** The same in words. */
export function changesInWords(fields: readonly string[]): string {
  const named = (...kinds: Mutability[]): string =>
    fields
      .filter((field) => kinds.includes(mutabilityOf(field, hasRounds(fields))))
      .toSorted()
      .join(", ");
  const inRounds = hasRounds(fields) ? `; with a higher contextVersion, for a new round: ${named("withNewRound")}` : "";
  return `Can be changed at any time: ${named("always", "onlyToTrue")}${inRounds}. For anything else, create a new run.`;
}

function hasRounds(fields: readonly string[]): boolean {
  return fields.includes("contextVersion");
}

function mutabilityOf(field: string, rounds: boolean): Mutability {
  const mutability = mutable[field] ?? "never";
  return mutability === "withNewRound" && !rounds ? "never" : mutability;
}

function rulesOf(field: string, rounds: boolean): TransitionRule[] {
  switch (mutabilityOf(field, rounds)) {
    case "always":
      return [];
    case "onlyToTrue":
      return rounds ? onlyToTrueInARound(field) : onlyToTrue(field);
    case "onlyUp":
      return forbid(field, {
        unless: `self.${field} >= oldSelf.${field}`,
        message: `${field} may only rise: raise it to start a new round, or leave it as it is`,
      });
    case "withNewRound":
      return forbid(field, {
        unless: `${newRound} || ${unchanged(field)}`,
        message: `${field} can only be changed, added or removed for a new round: raise contextVersion in the same edit`,
      });
    case "never":
      return forbid(field, {
        unless: unchanged(field),
        message: `${field} of a run cannot be changed, added or removed: create a new run with the value that you want`,
      });
  }
}

function onlyToTrue(field: string): TransitionRule[] {
  return forbid(field, {
    unless: `self.${field} || !oldSelf.${field}`,
    message: `${field} cannot be taken back: create a new run`,
  });
}

function onlyToTrueInARound(field: string): TransitionRule[] {
  return [
    ...forbid(field, {
      unless: `self.${field} || !oldSelf.${field} || ${newRound}`,
      message: `${field} cannot be taken back within a round: raise contextVersion in the same edit to start a new round`,
    }),
    ...forbid(field, {
      unless: `!self.${field} || !(${newRound})`,
      message: `${field} would end the new round at once: set ${field} to false in the edit that raises contextVersion`,
    }),
  ];
}

/** A rule on the spec: one on the field itself does not run when an optional field comes or goes. */
function unchanged(field: string): string {
  return `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`;
}

function forbid(field: string, { unless, message }: { unless: string; message: string }): TransitionRule[] {
  return [{ rule: unless, message, fieldPath: `.${field}`, reason: "FieldValueForbidden" }];
}
