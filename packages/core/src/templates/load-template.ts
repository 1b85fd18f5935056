import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { TemplateError } from "../errors/template-error.ts";
import { compileTemplate, type Template } from "./template.ts";

/** Reads and compiles a template file. Throws TemplateError when it cannot be read or is not valid. */
export function loadTemplate<V extends Record<keyof V, string>>(file: URL): Template<V> {
  const name = basename(file.pathname);
  return compileTemplate<V>(name, read(name, file));
}

function read(name: string, file: URL): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw TemplateError.unreadable(name, error);
  }
}
