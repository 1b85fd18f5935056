// Starts a sandbox in the folder that is its first argument, in which `sleep <second argument>` runs, and waits.
import { startSandbox } from "../sandbox/sandbox.ts";
import { findTools } from "../sandbox/tools.ts";

const [directory = "", seconds = ""] = process.argv.slice(2);
const drain = async (stream: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of stream);
};
const sandbox = await startSandbox({
  directory,
  tools: await findTools(),
  command: ["sh", "-c", `sleep ${seconds} & sleep ${seconds}; true`],
  environment: { PATH: "/usr/bin:/bin" },
  workingDirectory: "/",
  binds: [],
  readOnlyRoot: false,
  dropCapabilities: false,
  noNewPrivileges: false,
  output: { stdout: drain, stderr: drain },
});
process.stdout.write(`up ${sandbox.pid}\n`);
await sandbox.ended;
