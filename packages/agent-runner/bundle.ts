import { bundle } from "../../scripts/bundle.ts";

await bundle({ folder: import.meta.dirname, name: "agent-runner" });
