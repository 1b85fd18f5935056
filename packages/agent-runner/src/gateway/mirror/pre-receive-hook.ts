import { workRef } from "../../steps/git-names.ts";

/** Environment variable that tells the hook which branch may be pushed. */
export const branchVariable = "GATEWAY_RUN_BRANCH";

/** Takes pushes to the run's branch and of its unfinished work alone, and tells the pusher which ones these are. */
export const preReceiveHook = `#!/bin/sh
while read -r old new ref; do
  if [ "$ref" != "refs/heads/$${branchVariable}" ] && [ "$ref" != "${workRef}" ]; then
    echo "$ref is refused: this run pushes to refs/heads/$${branchVariable} only" >&2
    exit 1
  fi
done
`;
