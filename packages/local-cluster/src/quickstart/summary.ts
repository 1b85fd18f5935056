import { relative } from "node:path";
import type { RunView } from "./run-view.ts";

/** How both runs ended, and how to look further. */
export function closingWords({
  directory,
  namespace,
  views,
}: {
  directory: string;
  namespace: string;
  views: readonly RunView[];
}): string {
  const local = relative(process.cwd(), directory);
  return [
    "",
    ...views.flatMap(ending),
    "",
    "Look further:",
    `  export KUBECONFIG=$PWD/${local}/kubeconfig PATH=$PWD/${local}/bin:$PATH`,
    `  kubectl get dgr,tir -n ${namespace}`,
    ...views.slice(0, 1).map(({ kind, name }) => `  kubectl describe ${kind.toLowerCase()} ${name} -n ${namespace}`),
    "  make local-status    # what runs",
    "  make local-down      # stop and remove it all",
  ].join("\n");
}

function ending({ kind, name, phase, reason, message, costUsd, pullRequest }: RunView): string[] {
  return [
    `${kind}/${name}`,
    `  phase         ${phase}${reason === undefined ? "" : ` (${reason})`}`,
    `  cost          ${costUsd === undefined ? "none" : `$${costUsd}`}`,
    `  pull request  ${pullRequest ?? "none"}`,
    ...(phase === "Failed" ? [`  message       ${message ?? ""}`] : []),
  ];
}
