import { compareResourceVersions, type Event } from "@orchestrator/controller-runtime";

/** Why the Job controller last made no pod, by the events of its Job of the reason FailedCreate; undefined where there are none. */
export function podRefusalOf(events: readonly Event[]): string | undefined {
  const newest = events.toSorted((a, b) => compareResourceVersions(versionOf(b), versionOf(a)))[0];
  // The name that the pod would have had is another one each time.
  return newest?.note?.replace(
    /^(\(combined from similar events\): )?(Error creating: )?(pods "[^"]*" is forbidden: )?/,
    "",
  );
}

function versionOf({ metadata }: Event): string {
  return metadata.resourceVersion ?? "0";
}
