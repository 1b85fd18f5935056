import { bundle } from "../../scripts/bundle.ts";

await bundle({ folder: import.meta.dirname, entries: { "agent-runner": `${import.meta.dirname}/src/main.ts` } });
