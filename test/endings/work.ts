import { type BacklogTask, backlog } from "../support/backlog.ts";
import type { RepositorySpec } from "../support/workbench.ts";
import type { Ending } from "./ending.ts";
import type { Stage } from "./stage.ts";
import { titleOf } from "./title.ts";

type Spec = Record<string, unknown>;
type Run = Ending["run"];

/** Nothing is tried again where the ending itself is looked at. */
const once = { retryConfig: { maxInfrastructureRetries: 0, maxAgentRetries: 0 } };
const backoff = { initial: "1s", max: "1s" };

/** One new attempt may be made for each kind of failure, a second after the one before. */
export const twice = { retryConfig: { maxInfrastructureRetries: 1, maxAgentRetries: 1, backoff } };

interface Work {
  /** Of the one task; what the rehearsal model is to do stands there, too. */
  details?: string;
  /** Beside the backlog. */
  files?: Record<string, string>;
  spec?: Spec | ((repository: RepositorySpec) => Spec);
  /** Where the repository is. Default: in the stage's own forge. */
  repository?: (stage: Stage, name: string, files: Record<string, string>) => Promise<RepositorySpec>;
}

const ownForge: NonNullable<Work["repository"]> = (stage, name, files) => stage.repository(name, files);

/** A run that implements the one task of a repository of its own. */
export function implement(work: Work = {}): Run {
  return async (stage, name) => {
    const files = { ...backlog([{ id: 1, title: titleOf(name), details: work.details ?? "" }]), ...work.files };
    return stage.implementation(name, await specOf(stage, name, files, work));
  };
}

/** A run that documents the tasks of a repository of its own. */
export function document(tasks: readonly Omit<BacklogTask, "title">[], work: Omit<Work, "details"> = {}): Run {
  return async (stage, name) => {
    const files = { ...backlog(tasks.map((task) => ({ ...task, title: titleOf(name) }))), ...work.files };
    return stage.docs(name, await specOf(stage, name, files, work));
  };
}

async function specOf(stage: Stage, name: string, files: Record<string, string>, work: Work): Promise<Spec> {
  const { spec = {}, repository: place = ownForge } = work;
  const repository = await place(stage, name, files);
  const { pod, ...rest } = typeof spec === "function" ? spec(repository) : spec;
  return { repository, ...once, pod: { ...stage.node.place, ...(pod as object | undefined) }, ...rest };
}

/** The run of one task in a repository whose forge is its own and does wrong. */
export function atFaultyForge(faults: Parameters<Stage["faultyForge"]>[2]): Pick<Work, "repository"> {
  return { repository: async (stage, name, files) => (await stage.faultyForge(name, files, faults)).repository };
}
