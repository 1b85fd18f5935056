/** Stands in the title of each task of a run, and so in all that the model is asked for it. */
export function titleOf(name: string): string {
  return `The work of ${name}.`;
}
