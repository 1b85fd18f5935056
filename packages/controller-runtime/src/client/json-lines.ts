/** A line of a stream was not JSON, or the stream ended within a line. */
export class BrokenLineError extends Error {
  override readonly name = "BrokenLineError";
}

/**
 * The JSON values of a stream that holds one a line.
 *
 * @throws BrokenLineError for a line that is not JSON.
 */
export async function* jsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let pending: string[] = [];
  for await (const chunk of body) {
    const lines = decoder.decode(chunk, { stream: true }).split("\n");
    for (const [index, part] of lines.entries()) {
      pending.push(part);
      if (index === lines.length - 1) break;
      yield parse(pending.join(""));
      pending = [];
    }
  }
  const rest = pending.join("") + decoder.decode();
  if (rest !== "") yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new BrokenLineError("a line of the watch stream is not JSON", { cause });
  }
}
