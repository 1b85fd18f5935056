import type { RunInputs } from "@orchestrator/core/pure";

/** Whether the work comes from the workspace's own repository and stays there. */
export function staysInWorkspace({ repository }: Pick<RunInputs, "repository">): boolean {
  return repository.url.startsWith("file:");
}

/** The repository that the work goes to, as a reader knows it. */
export function upstreamName({ repository, workspace }: Pick<RunInputs, "repository" | "workspace">): string {
  return staysInWorkspace({ repository }) ? `the workspace (${claimName(workspace)})` : repository.url;
}

/** Where unfinished work is kept, to follow the name of a ref. */
export function keptPlace({ workspace }: Pick<RunInputs, "workspace">): string {
  return workspace === undefined ? "there" : `in the workspace (${claimName(workspace)})`;
}

function claimName(workspace: RunInputs["workspace"]): string {
  return `PersistentVolumeClaim ${workspace?.claim ?? ""}`;
}
