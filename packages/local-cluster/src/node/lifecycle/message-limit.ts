/** The kubelet reads at most this much of a termination message, from its end. */
const messageFileLimit = 4096;
/** All messages of a pod together; each container gets an equal share. */
const podLimit = 12_288;
/** How much of the log stands in for a message: bytes and lines. */
export const logFallback = { bytes: 2048, lines: 80 } as const;

/** The last `messageFileLimit` bytes of what a container has left, cut to its share in a pod of `containers`. */
export function limitMessage(content: Buffer, containers: number): string {
  const tail = content.subarray(Math.max(0, content.length - messageFileLimit));
  return limitText(tail.toString("utf8"), containers);
}

/** Cuts a text to a container's share, never within a character. */
export function limitText(text: string, containers: number): string {
  const share = Math.floor(podLimit / Math.max(1, containers));
  const bytes = Buffer.from(text);
  if (bytes.length <= share) return text;
  let end = share;
  while (end > 0 && ((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end -= 1;
  return bytes.subarray(0, end).toString("utf8");
}
