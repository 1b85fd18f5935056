import { expect, it } from "vitest";
import { docsFolder, taskmasterFolder } from "./taskmaster-paths.ts";

it.each([
  [".", ".taskmaster"],
  ["services/api", "services/api/.taskmaster"],
])("finds the Task Master files of %s in %s, and the documents within", (workingDirectory, folder) => {
  expect(taskmasterFolder(workingDirectory)).toBe(folder);
  expect(docsFolder(workingDirectory)).toBe(`${folder}/docs`);
});
