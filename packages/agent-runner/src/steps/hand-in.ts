import { glob, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { RunInputs } from "@orchestrator/core/pure";
import { treeOfWork } from "../deliver/tree-of-work.ts";
import { GitFailed } from "../gateway/git/git.ts";
import { type HandInAnswer, openDoor, requestHandIn, type Transcript } from "./gateway-client.ts";
import { workInProgress, workRef } from "./git-names.ts";
import { progressOf } from "./progress.ts";
import { Repository } from "./repository.ts";
import type { Plan } from "./step-files.ts";
import type { Step } from "./step-options.ts";

const compress = promisify(gzip);

export interface HandInOptions {
  step: Step;
  inputs: RunInputs;
  plan: Plan;
  /** What the work tree is compared with: where the branch stands. */
  parent: string;
  /** Sessions that a next attempt may continue. */
  sessions: ReadonlySet<string>;
  signal: AbortSignal;
}

/**
 * Hands the work tree as it is, and the sessions' transcripts, to the gateway to be kept for a next attempt. Whatever
 * hinders that is said in the log and ends nothing: the work itself goes on.
 */
export async function handIn(options: HandInOptions): Promise<void> {
  const progress = progressOf(options.step);
  try {
    const { stored, why } = await tryHandIn(options);
    const told = why === undefined ? "" : `: ${why}`;
    progress({
      step: "run",
      message: stored ? `The work so far is kept${told}` : `The work so far is not kept${told}`,
    });
  } catch (error) {
    progress({ step: "run", message: `The work so far is not kept: ${reasonOf(error)}` });
  }
}

async function tryHandIn(options: HandInOptions): Promise<HandInAnswer> {
  const { step, signal } = options;
  const commit = await commitOfWork(options);
  const transcripts = await readTranscripts(step.paths.claudeConfig, options.sessions);
  const door = await openDoor({ ...step, signal });
  const repository = new Repository({ ...step, signal, directory: step.paths.repository, door });
  await repository.git(["push", "--quiet", "--force", "origin", `${commit}:${workRef}`]);
  return await requestHandIn({ ...step, signal }, { commit, transcripts });
}

/** A commit of the work tree on top of the branch. */
async function commitOfWork({ step, inputs, plan, parent, signal }: HandInOptions): Promise<string> {
  const tasks = [...plan.sessions, ...plan.done].map(({ taskId }) => taskId);
  const tree = await treeOfWork({ step: { ...step, signal }, inputs, parent, tasks });
  const repository = new Repository({ ...step, signal, directory: step.paths.repository });
  if (tree === (await repository.git(["rev-parse", `${parent}^{tree}`]))) return parent;
  return await repository.git(["commit-tree", tree, "-p", parent, "-m", workInProgress]);
}

async function readTranscripts(claudeConfig: string, sessions: ReadonlySet<string>): Promise<Transcript[]> {
  const transcripts: Transcript[] = [];
  for await (const path of glob("projects/*/*.jsonl", { cwd: claudeConfig })) {
    const sessionId = basename(path, ".jsonl");
    if (!sessions.has(sessionId)) continue;
    const content = await compress(await readFile(join(claudeConfig, path)));
    transcripts.push({ sessionId, path, gzipBase64: content.toString("base64") });
  }
  return transcripts;
}

function reasonOf(error: unknown): string {
  if (error instanceof GitFailed) return `git ${error.command} failed: ${error.stderr.trim()}`;
  return error instanceof Error ? error.message : String(error);
}
