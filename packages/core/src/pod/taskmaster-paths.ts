/**
 * Folder of the Task Master files that belong to a working directory (`.`: the repository's root). Relative to the
 * repository's root and without a slash at its end, as the others here.
 */
export function taskmasterFolder(workingDirectory: string): string {
  return workingDirectory === "." ? ".taskmaster" : `${workingDirectory}/.taskmaster`;
}

/** Folder below which the documents of all tasks lie: the one place that a docs run writes to. */
export function docsFolder(workingDirectory: string): string {
  return `${taskmasterFolder(workingDirectory)}/docs`;
}
