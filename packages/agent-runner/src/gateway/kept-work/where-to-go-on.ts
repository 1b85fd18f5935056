/** How the branch stands, or where it would begin, beside the unfinished work that is kept. */
export interface EarlierWork {
  /** The branch holds all of the work. */
  headHoldsWork: boolean;
  /** The work holds all of the branch. */
  workHoldsHead: boolean;
  /** The run itself has committed to the branch since the work was kept: that commit holds what was worth keeping. */
  ownSince: boolean;
}

/**
 * Where the work goes on: from what is kept, or from the branch, with what persons have added to it; `moved` where a
 * person has put the branch elsewhere while work that is not on it is kept.
 */
export function whereToGoOn({ headHoldsWork, workHoldsHead, ownSince }: EarlierWork): "kept" | "branch" | "moved" {
  if (headHoldsWork) return "branch";
  if (workHoldsHead) return "kept";
  return ownSince ? "branch" : "moved";
}
