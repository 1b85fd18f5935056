/** A line of a stream was not JSON: something that was told is lost. */
export class BrokenLineError extends Error {
  override readonly name = "BrokenLineError";
}

/** The stream ended within a line: everything up to that line has been told. */
export class CutLineError extends Error {
  override readonly name = "CutLineError";
}

/**
 * The JSON values of a stream that holds one a line.
 *
 * @throws BrokenLineError for a line that is not JSON, CutLineError for half a line at the end.
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
  if (rest === "") return;
  yield parse(rest, (cause) => new CutLineError("the watch stream ended within a line", { cause }));
}

function parse(line: string, failure = broken): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw failure(cause);
  }
}

function broken(cause: unknown): Error {
  return new BrokenLineError("a line of the watch stream is not JSON", { cause });
}
