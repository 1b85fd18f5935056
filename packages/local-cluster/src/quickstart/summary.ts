import { relative } from "node:path";
import type { RunView } from "./run-view.ts";

/** How both runs ended, and how to look further. */
export function closingWords({
  workingDirectory,
  directory,
  caFile,
  namespace,
  rehearsed,
  views,
}: {
  /** Where the reader's shell is. */
  workingDirectory: string;
  directory: string;
  caFile: string;
  namespace: string;
  /** Whether the costs were only reckoned. */
  rehearsed: boolean;
  views: readonly RunView[];
}): string {
  const local = relative(workingDirectory, directory);
  return [
    "",
    ...views.flatMap((view) => ending(view, rehearsed)),
    "",
    "Look further:",
    `  export KUBECONFIG=$PWD/${local}/kubeconfig PATH=$PWD/${local}/bin:$PATH`,
    `  kubectl get dgr,tir -n ${namespace}`,
    ...views.slice(0, 1).map(({ kind, name }) => `  kubectl describe ${kind.toLowerCase()} ${name} -n ${namespace}`),
    ...views
      .flatMap(({ pullRequest }) => pullRequest ?? [])
      .map((url) => `  curl --cacert ${relative(workingDirectory, caFile)} ${url}`),
    "  make local-status    # what runs",
    "  make local-down      # stop and remove it all",
  ].join("\n");
}

function ending(view: RunView, rehearsed: boolean): string[] {
  const { kind, name, phase, reason, message, costUsd, pullRequest } = view;
  const spent = rehearsed ? " (rehearsed: nothing was spent)" : "";
  return [
    `${kind}/${name}`,
    `  phase         ${phase}${reason === undefined ? "" : ` (${reason})`}`,
    `  cost          ${costUsd === undefined ? "none" : `$${costUsd}${spent}`}`,
    `  pull request  ${pullRequest ?? "none"}`,
    ...(phase === "Failed" ? [`  message       ${message ?? ""}`] : []),
  ];
}
