import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inputFiles, layout, runInputs } from "@orchestrator/core/pure";
import type { ModeContext } from "../mode.ts";
import { startGateway } from "./gateway.ts";
import { createLogger } from "./logger.ts";
import { Redactor } from "./redactor.ts";
import { encodeReport } from "./report.ts";

/** Keeps the run's gateway open until it is told to stop, then reports. It never ends because of what becomes of the run. */
export async function gateway({ env, signal }: ModeContext): Promise<number> {
  const redactor = new Redactor();
  const caBundle = await optional(join(layout.inputs, inputFiles.caBundle));
  const running = await startGateway({
    inputs: runInputs.parse(JSON.parse(await readFile(join(layout.inputs, inputFiles.run), "utf8"))),
    directories: {
      state: layout.gatewayState,
      door: layout.door,
      repositoryCredentials: layout.repositoryCredentials,
      modelCredentials: layout.modelCredentials,
      workspace: layout.gatewayWorkspace,
    },
    ...(caBundle === undefined ? {} : { caBundle }),
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    redactor,
    logger: createLogger(redactor, (line) => process.stdout.write(line)),
  });
  if (!signal.aborted) await once(signal, "abort");
  await running.close();
  await writeFile(layout.terminationMessage, redactor.apply(encodeReport(running.report())));
  return 0;
}

async function optional(file: string): Promise<string | undefined> {
  return await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
