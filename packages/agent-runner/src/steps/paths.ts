import { join } from "node:path";
import { layout } from "@orchestrator/core/pure";

/** Where the things of a run lie, by the names of core's `layout`. */
export type Paths = Readonly<Record<keyof typeof layout, string>>;

/** The layout of a pod below another root than `/`. */
export function pathsUnder(root: string): Paths {
  return Object.fromEntries(Object.entries(layout).map(([name, path]) => [name, join(root, path)])) as Paths;
}
