import { HandlerRegistry, operatorMain } from "@orchestrator/core";
import manifest from "../package.json" with { type: "json" };
import { environment } from "./config.ts";
import { handler } from "./handler.ts";

const stop = new AbortController();
// A second signal ends the program at once.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

const code = await operatorMain({
  name: "task-implementation-operator",
  version: manifest.version,
  handlers: new HandlerRegistry().register(handler),
  env: environment(),
  stderr: process.stderr,
  signal: stop.signal,
});
process.exit(code);
