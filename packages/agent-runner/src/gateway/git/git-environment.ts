/** What Git needs to know to speak to the run's forge. */
export interface GitAccess {
  /** Clone URL, https. */
  url: string;
  /** Absent: Git speaks to the forge without credentials. */
  tokenFile?: string;
  /** PEM file with every authority that is trusted. */
  caFile: string;
  /** Writable folder, for whatever Git wants to keep. */
  home: string;
  path: string;
  /** The workspace's repository is used, too. Default: false. */
  workspace?: boolean;
}

const tokenFileVariable = "GATEWAY_TOKEN_FILE";

/** Answers Git's question for credentials from the mounted file: the token is in no argument and no environment. */
const credentialHelper = `!f() { test "$1" = get && printf 'username=x-access-token\\npassword=%s\\n' "$(cat "$${tokenFileVariable}")"; }; f`;

/**
 * The whole environment of Git in the gateway: https alone, one host with credentials, no questions, no settings of
 * the image, English messages.
 */
export function gitEnvironment(access: GitAccess): Record<string, string> {
  const { origin } = new URL(access.url);
  const settings: Record<string, string> = {
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    ...(access.workspace === true && { "protocol.file.allow": "always" }),
    // A connection that has gone silent for a minute is given up.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "core.quotePath": "false",
    "gc.auto": "0",
    // Credentials belong to the origin of the run's URL alone; a redirect elsewhere meets no helper.
    ...(access.tokenFile === undefined ? {} : { [`credential.${origin}.helper`]: credentialHelper }),
  };
  const entries = Object.entries(settings);
  return {
    PATH: access.path,
    HOME: access.home,
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_SSL_CAINFO: access.caFile,
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([name, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, name],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
    ...(access.tokenFile === undefined ? {} : { [tokenFileVariable]: access.tokenFile }),
  };
}
