/** A sandbox could not be made, or its command could not be started in it. */
export class SandboxFailed extends Error {
  override readonly name = "SandboxFailed";
}

/** This machine forbids what sandboxes need. */
export class SandboxesForbidden extends Error {
  override readonly name = "SandboxesForbidden";

  constructor(options: { cause: unknown }) {
    const { cause } = options;
    super(
      "the local node cannot make sandboxes on this machine: it needs user namespaces, a mount of /proc within them, " +
        "and util-linux (unshare, setpriv, nsenter, mount). Unprivileged user namespaces may be turned off: see the " +
        "sysctls kernel.unprivileged_userns_clone, user.max_user_namespaces and " +
        `kernel.apparmor_restrict_unprivileged_userns. What was said: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** The command of a container is not in its sandbox. */
export class CommandMissing extends Error {
  override readonly name = "CommandMissing";

  constructor(command: string) {
    super(`exec: "${command}": executable file not found in $PATH`);
  }
}
