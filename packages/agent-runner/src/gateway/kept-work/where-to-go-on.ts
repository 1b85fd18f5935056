/** What an attempt that goes on finds in the repository. */
export interface EarlierWork {
  /** Newest commit of the run's branch. */
  head?: string | undefined;
  /** Unfinished work that is kept. */
  work?: string | undefined;
  /** The unfinished work holds all of the branch. */
  workHoldsHead: boolean;
  /** What the branch has and the unfinished work has not was made by the run itself. */
  headIsOwn: boolean;
}

/**
 * Where the work goes on: from what is kept, or from the branch, which may hold more when an attempt broke off right
 * after it had pushed; `moved` where a person has put the branch elsewhere meanwhile.
 */
export function whereToGoOn({ head, work, workHoldsHead, headIsOwn }: EarlierWork): "kept" | "branch" | "moved" {
  if (work === undefined) return "branch";
  if (head === undefined || workHoldsHead) return "kept";
  return headIsOwn ? "branch" : "moved";
}
