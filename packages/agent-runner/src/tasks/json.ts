import { parse } from "@humanwhocodes/momoa";
import { InvalidInputError } from "./invalid-input.ts";

/**
 * Reads bytes as JSON; a byte order mark in front is skipped.
 *
 * @param file what the explanation calls the input
 * @throws InvalidInputError with line and column where the bytes are no UTF-8 or no single JSON value
 */
export function parseJson(bytes: Uint8Array, file: string): unknown {
  const text = decode(bytes, file);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new InvalidInputError(`${file} is not valid JSON: ${describe(text, error)}`, {
      cause: error,
    });
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InvalidInputError(`${file} is not UTF-8 text. Save it as UTF-8.`, { cause: error });
  }
}

/** The engine names a position for some faults only; for the others a tokenizer that counts lines reads the text again. */
function describe(text: string, error: SyntaxError): string {
  if (text.trim() === "") return "the file is empty";
  const engine = /^(?<what>.*?)(?: in JSON)? at position \d+ \(line (?<line>\d+) column (?<column>\d+)\)$/s;
  const { line, column, what } = engine.exec(error.message)?.groups ?? {};
  if (line !== undefined && column !== undefined && what !== undefined) {
    const residue = what.endsWith("after JSON");
    return at(line, column, residue ? "something follows after the end of the JSON value" : what);
  }
  if (error.message === "Unexpected end of JSON input") {
    const lines = text.split("\n");
    return at(lines.length, (lines.at(-1)?.length ?? 0) + 1, "the file ends too early");
  }
  return describeToken(text, error);
}

function describeToken(text: string, error: SyntaxError): string {
  try {
    parse(text);
  } catch (located) {
    if (located instanceof Error && "line" in located && "column" in located) {
      return at(Number(located.line), Number(located.column), located.message.replace(/ found\. \(\d+:\d+\)$/, ""));
    }
  }
  return error.message;
}

function at(line: number | string, column: number | string, what: string): string {
  return `line ${line}, column ${column}: ${what}`;
}
