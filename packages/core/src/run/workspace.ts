import { apiVersion, type PersistentVolumeClaim, resources } from "@orchestrator/controller-runtime";
import { z } from "zod";
import { type AccessMode, workspace } from "../api/workspace.ts";
import { defined } from "./defined.ts";
import { annotations, labels, managedBy } from "./labels.ts";
import { workspaceClaimName } from "./names.ts";
import type { AttemptId, JobView, PodView, RunView } from "./observation.ts";
import { timestamp } from "./timestamp.ts";

/** The part of a spec that asks for a service's workspace. */
const workspaceWish = z.object({ serviceName: z.string(), workspace });
export type WorkspaceWish = z.infer<typeof workspaceWish>;

/** What a spec says of a workspace, whatever else does not fit its schema. */
export function workspaceWishOf(spec: unknown): WorkspaceWish | undefined {
  // Asked at each change of each run, of which most want none.
  const wanted = (spec as Partial<WorkspaceWish> | undefined)?.workspace;
  return wanted === undefined ? undefined : workspaceWish.safeParse(spec).data;
}

/** Whose turn it is in a workspace. */
export interface Holder {
  runUid: string;
  /** Name of the attempt that it was taken for. */
  attempt: string;
  /** Milliseconds since the epoch. */
  since: number;
}

/** What the operator keeps of the claim of a workspace. */
export interface ClaimView {
  namespace: string;
  name: string;
  uid: string;
  resourceVersion: string;
  deleting: boolean;
  holder?: Holder;
  size?: string;
  storageClassName?: string;
}

/** What is known of the workspace that a run asks for. */
export interface WorkspaceView {
  wish: WorkspaceWish;
  /** Absent while nobody has made it. */
  claim?: ClaimView;
  /** The other runs that ask for it and have not ended. */
  runs: readonly RunView[];
  /** Jobs and pods of other runs that use it, whether or not their run still exists. */
  jobs: readonly JobView[];
  pods: readonly PodView[];
}

/** Selects the claims of all workspaces. */
export const workspaceSelector = `${labels.managedBy}=${managedBy},${labels.service}`;

export function projectClaim({ metadata, spec }: PersistentVolumeClaim): ClaimView {
  const { namespace = "", name, uid = "", resourceVersion = "" } = metadata;
  return {
    namespace,
    name,
    uid,
    resourceVersion,
    deleting: metadata.deletionTimestamp !== undefined,
    ...defined({
      holder: holderOf(metadata.annotations),
      size: spec.resources?.requests?.["storage"],
      storageClassName: spec.storageClassName,
    }),
  };
}

function holderOf(noted: Record<string, string> = {}): Holder | undefined {
  const runUid = noted[annotations.holder];
  if (runUid === undefined || runUid === "") return undefined;
  const since = Date.parse(noted[annotations.heldSince] ?? "") || 0;
  return { runUid, attempt: noted[annotations.heldFor] ?? "", since };
}

/** The claim of a workspace with its holder. It belongs to no run: it outlives them all. */
export function buildClaim(
  { run, attempt }: { run: RunView; attempt: AttemptId },
  { wish, claim }: WorkspaceView,
  { accessMode, now }: { accessMode: AccessMode; now: number },
): PersistentVolumeClaim {
  const { serviceName, workspace: wanted } = wish;
  const before = claim?.holder;
  const again = before?.runUid === run.uid && before.attempt === attempt.name;
  return {
    apiVersion: apiVersion(resources.persistentVolumeClaims),
    kind: resources.persistentVolumeClaims.kind,
    metadata: {
      namespace: run.namespace,
      name: workspaceClaimName(run.namespace, serviceName),
      labels: { [labels.managedBy]: managedBy, [labels.service]: serviceName },
      annotations: {
        [annotations.holder]: run.uid,
        [annotations.heldFor]: attempt.name,
        // A creation that is tried again waits since the first time.
        [annotations.heldSince]: timestamp(again ? before.since : now),
      },
    },
    spec: {
      accessModes: [wanted.accessMode ?? accessMode],
      resources: { requests: { storage: wanted.size } },
      ...(wanted.storageClassName !== undefined && { storageClassName: wanted.storageClassName }),
    },
  };
}

/** Whether an object under a claim's name is the workspace of that service. */
export function isWorkspaceOf({ metadata }: PersistentVolumeClaim, wanted: PersistentVolumeClaim): boolean {
  const same = (label: string) => metadata.labels?.[label] === wanted.metadata.labels?.[label];
  return same(labels.managedBy) && same(labels.service);
}

/** What a workspace that is there already has otherwise than a run asks for. It is used as it is. */
export function differences(
  { spec }: PersistentVolumeClaim,
  seen: ClaimView | undefined,
): { asked?: { size?: string; storageClassName?: string } } {
  const size = spec.resources?.requests?.["storage"];
  const asked = defined({
    size: size === seen?.size ? undefined : size,
    storageClassName: spec.storageClassName === seen?.storageClassName ? undefined : spec.storageClassName,
  });
  return seen === undefined || Object.keys(asked).length === 0 ? {} : { asked };
}
