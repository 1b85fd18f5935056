/** What a rehearsal can be asked to do by `[[rehearse:NAME]]` in the task's text. */
export const scenarios = [
  /** Docs: ends without writing. */
  "no-files",
  /** Docs: ends without writing, until it is told that an earlier attempt was not complete. */
  "no-files-at-first",
  /** Docs: leaves out the acceptance criteria. */
  "one-file-missing",
  /** Docs: the prompt does not parse in the asked format. */
  "broken-document",
  /** Implementation: looks around and changes nothing. */
  "nothing",
  /** Implementation: writes `checked.txt` in the service's folder only when it is told that a verification failed. */
  "fails-verification-at-first",
  /** Implementation: a command takes more and more memory, up to 2 GiB. */
  "oom",
  /** Implementation: a command kills the agent, which then leaves no result. */
  "kill-agent",
  /** Looks around fifty times before it works. */
  "many-turns",
  /** Every answer takes two seconds. */
  "slow",
  /** Implementation: writes something that looks like a token into a file. */
  "secret",
  /** Implementation: writes only what the repository's `.gitignore` names, `ignored.log` in the service's folder. */
  "ignored-file",
  "http-400",
  "http-401",
  /** As a provider that does not know the model. */
  "http-404",
  /** With `retry-after: 120`. */
  "http-429",
  /** With `retry-after: 2`. */
  "http-429-soon",
  /** Without a word of how long to wait. */
  "http-429-plain",
  "http-500",
  "http-529",
  /** Takes the request and never answers. */
  "hang",
  /** Breaks the connection in the middle of an answer. */
  "cut-mid-stream",
] as const;
export type Scenario = (typeof scenarios)[number];

const marker = /\[\[rehearse:([\w-]+)\]\]/;

/** The scenario that a text asks for. Throws RangeError for a name that is none, so that no test passes by a slip. */
export function scenarioOf(text: string): Scenario | undefined {
  const name = marker.exec(text)?.[1];
  if (name === undefined) return undefined;
  const known = scenarios.find((scenario) => scenario === name);
  if (known === undefined) throw new RangeError(`no rehearsal scenario ${name}; known are ${scenarios.join(", ")}`);
  return known;
}
