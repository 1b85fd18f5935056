import { inspect, isDeepStrictEqual } from "node:util";
import { type KindName, kinds } from "./kind.ts";
import type { Outcome } from "./outcome.ts";
import type { Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";
import { playUndisturbed, playWith, type Trouble, troubles } from "./play.ts";
import type { World } from "./world.ts";

export interface Life {
  scenario: Scenario;
  kind: KindName;
}

/** Which troubles a life goes through, once it is known how many writes it takes. */
export type Choice = { type: "all" } | { type: "some"; of: (writes: number) => { trouble: Trouble; k: number }[] };

export interface LifeReport extends Life {
  writes: number;
  tried: Record<Trouble, number>;
  /** What went otherwise than undisturbed, each with the case that shows it. */
  failures: string[];
}

export interface MatrixOptions {
  world: World;
  lives: readonly Life[];
  choice: Choice;
  /** Lives at once. */
  concurrency: number;
  /** Told of each life that has been gone through. */
  onReport?: (report: LifeReport) => void;
}

/** Plays each life undisturbed, then with trouble at its writes, and compares how it ends. */
export async function runMatrix(options: MatrixOptions): Promise<LifeReport[]> {
  const left = [...options.lives];
  const reports: LifeReport[] = [];
  const work = async (): Promise<void> => {
    for (let life = left.shift(); life !== undefined; life = left.shift()) {
      const report = await goThrough(life, options);
      reports.push(report);
      options.onReport?.(report);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return reports;
}

/** How a case is named to whoever repeats it. */
function caseName({ kind, scenario }: Life, trouble: Trouble, k: number): string {
  return [kind, scenario.name, trouble, k].join("/");
}

async function goThrough(life: Life, { world, choice }: MatrixOptions): Promise<LifeReport> {
  const report: LifeReport = { ...life, writes: 0, tried: { crash: 0, past: 0, late: 0, skip: 0 }, failures: [] };
  const kind = kinds[life.kind];
  try {
    await using stage = await Stage.start({ world, kind, scenario: life.scenario });
    const { outcome, writes } = await playUndisturbed(stage);
    report.writes = writes;
    report.failures.push(...outcome.broken.map((what) => `${life.kind}/${life.scenario.name}, undisturbed: ${what}`));
    if (choice.type === "some")
      for (const one of choice.of(writes)) await tryOne(stage, one, { report, expected: outcome });
    else for (const trouble of troubles) await tryEach(stage, trouble, { report, expected: outcome });
  } catch (error) {
    report.failures.push(`${life.kind}/${life.scenario.name}: ${inspect(error)}`);
  }
  return report;
}

interface Trying {
  report: LifeReport;
  expected: Outcome;
}

/** At the first write, the second, and so on, until the run takes no such write any more. */
async function tryEach(stage: Stage, trouble: Trouble, trying: Trying): Promise<void> {
  for (let k = 1; await tryOne(stage, { trouble, k }, trying); k += 1);
}

async function tryOne(
  stage: Stage,
  { trouble, k }: { trouble: Trouble; k: number },
  { report, expected }: Trying,
): Promise<boolean> {
  const name = caseName(report, trouble, k);
  try {
    const { struck, outcome } = await playWith(stage, trouble, k);
    if (struck) report.tried[trouble] += 1;
    if (!isDeepStrictEqual(outcome, expected)) {
      const difference = inspect({ outcome, expected }, { depth: 8, breakLength: 160 });
      report.failures.push(`${name}: ${difference}\n${stage.output.slice(-4000)}`);
    }
    return struck;
  } catch (error) {
    // A stage where something stands still is of no more use.
    throw new Error(`${name}; its operator last said:\n${stage.output.slice(-2000)}`, { cause: error });
  }
}
