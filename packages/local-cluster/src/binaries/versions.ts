/** What a control plane is made of, each version with a leading `v`; the same as in `control-plane/<kubernetes>/go.mod`. */
export interface Release {
  kubernetes: string;
  etcd: string;
}

/** The release that is run. */
export const KUBERNETES_VERSION = "v1.37.2";
export const ETCD_VERSION = "v3.7.0";
const current: Release = { kubernetes: KUBERNETES_VERSION, etcd: ETCD_VERSION };
/** The oldest release that is tested. */
const oldest: Release = { kubernetes: "v1.34.4", etcd: "v3.6.4" };

/**
 * The release that is wanted: the current one, unless KUBERNETES_VERSION names another.
 * @throws RangeError naming the releases that there are.
 */
export function chosenRelease(env: Record<string, string | undefined>): Release {
  const version = env["KUBERNETES_VERSION"] || KUBERNETES_VERSION;
  const release = [current, oldest].find(({ kubernetes }) => kubernetes === version);
  if (release !== undefined) return release;
  throw new RangeError(`KUBERNETES_VERSION must be ${current.kubernetes} or ${oldest.kubernetes}, not ${version}`);
}

export const programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"] as const;

/** A program of the control plane, or kubectl. */
export type Program = (typeof programs)[number];

/** Path of each program on this machine. */
export type Binaries = Record<Program, string>;

/** The version of `program` in a release, with a leading `v`. */
export function versionOf(program: Program, { kubernetes, etcd }: Release): string {
  return program === "etcd" ? etcd : kubernetes;
}
