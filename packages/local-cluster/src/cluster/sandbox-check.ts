import { runProgram } from "../binaries/run-program.ts";
import { SandboxesForbidden } from "../node/sandbox/sandbox-error.ts";

/**
 * Tries what the local node needs, before anything is started.
 * @throws SandboxesForbidden when this machine does not let an ordinary user mount within namespaces of its own
 */
export async function checkSandboxes(options: {
  env: Record<string, string | undefined>;
  signal: AbortSignal;
}): Promise<void> {
  const namespaces = ["--user", "--map-root-user", "--mount", "--pid", "--fork"];
  const trial = ["mount", "-t", "tmpfs", "tmpfs", "/tmp"];
  const { code, stderr } = await runProgram("unshare", [...namespaces, ...trial], options);
  if (code === 0) return;
  const said = code === "ENOENT" ? "there is no unshare on the PATH" : stderr.trim().replaceAll("\n", "; ");
  throw new SandboxesForbidden({ cause: said });
}
