import { HandlerRegistry, operatorMain } from "@orchestrator/core";
import { environment } from "./config.ts";
import { handler } from "./handler.ts";

const stop = new AbortController();
// A second signal ends the program at once.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

const code = await operatorMain({
  name: "docs-generation-operator",
  handlers: new HandlerRegistry().register(handler),
  env: environment(),
  stderr: process.stderr,
  signal: stop.signal,
});
process.exit(code);
