import { type Reason, reasons, type RunStatus } from "@orchestrator/core";
import { waitFor } from "../support/wait.ts";
import type { Ending } from "./ending.ts";
import { showRun, shown } from "./reading-page.ts";
import { Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";

/** What became of an ending that was brought about. */
export interface Executed {
  ending: Ending;
  status: RunStatus;
  events: { type: string; reason: string; note: string }[];
  /** What kubectl says of it, where the docs show it. */
  seen?: string;
}

const lastEvents: readonly string[] = ["Succeeded", "Failed", "Cancelled"];

/** Brings an ending about, and waits until everything about it has been told. */
export async function execute(stage: Stage, ending: Ending): Promise<Executed> {
  const scene = await Scene.begin(stage, await ending.run(stage, ending.name));
  await ending.meanwhile?.(scene);
  const { status = { phase: "Pending" } } = await scene.until(
    "ends",
    ({ completionTime }) => completionTime !== undefined,
  );
  const events = await waitFor("the last event", async () => {
    const told = await scene.events();
    return told.some(({ reason }) => lastEvents.includes(reason)) ? { done: told } : { pending: told };
  });
  await ending.afterwards?.(scene);
  const seen = shown.includes(ending.name) ? { seen: await showRun(scene) } : {};
  return { ending, status, events, ...seen };
}

export function attemptsOf({ attempts, reason }: Ending): readonly Reason[] {
  return attempts ?? [reason];
}

/** How the run ends. */
export function finalReason(ending: Ending): Reason {
  return ending.endsAs ?? attemptsOf(ending).at(-1) ?? ending.reason;
}

export function finalPhase(ending: Ending): RunStatus["phase"] {
  const ofClass = reasons[finalReason(ending)];
  if (ofClass === "success") return "Succeeded";
  return ofClass === "choice" ? "Cancelled" : "Failed";
}

/** What the reader was told of the first attempt's end: at once where another followed, else at the run's end. */
export function toldOf({ status, events }: Executed): string {
  return events.find(({ reason }) => reason === "Retrying")?.note ?? status.message ?? "";
}
