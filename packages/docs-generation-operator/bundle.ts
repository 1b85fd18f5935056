import { cp } from "node:fs/promises";
import { templateFiles } from "@orchestrator/core";
import { bundle } from "../../scripts/bundle.ts";

await bundle({
  folder: import.meta.dirname,
  entries: { main: `${import.meta.dirname}/src/main.ts` },
  furnish: (outdir) => cp(templateFiles, `${outdir}/files`, { recursive: true }),
});
