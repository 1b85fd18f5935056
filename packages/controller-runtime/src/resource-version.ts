/**
 * Which of two resourceVersions of one kind is newer: negative when `a` is older, 0 when they are the same.
 * They are decimal numbers without leading zeros, too large for a number; Kubernetes promises so from 1.35 on
 * and has always done so with etcd.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
