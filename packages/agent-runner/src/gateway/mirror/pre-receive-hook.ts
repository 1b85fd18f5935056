/** Environment variable that tells the hook which branch may be pushed. */
export const branchVariable = "GATEWAY_RUN_BRANCH";

/** Takes pushes to the run's branch alone, and tells the pusher which one that is. */
export const preReceiveHook = `#!/bin/sh
while read -r old new ref; do
  if [ "$ref" != "refs/heads/$${branchVariable}" ]; then
    echo "$ref is refused: this run pushes to refs/heads/$${branchVariable} only" >&2
    exit 1
  fi
done
`;
