/** The release that is run; the same as in `control-plane/go.mod`. */
export const KUBERNETES_VERSION = "v1.37.2";
export const ETCD_VERSION = "v3.7.0";

export const programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"] as const;

/** A program of the control plane, or kubectl. */
export type Program = (typeof programs)[number];

/** Path of each program on this machine. */
export type Binaries = Record<Program, string>;

/** The version that `program` is pinned to, with a leading `v`. */
export function pinnedVersion(program: Program): string {
  return program === "etcd" ? ETCD_VERSION : KUBERNETES_VERSION;
}
