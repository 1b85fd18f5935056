/** RFC 3339 in UTC, to the second, as Kubernetes writes it. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
