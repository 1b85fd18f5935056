import Handlebars from "handlebars";
import { TemplateError } from "../errors/template-error.ts";

/**
 * A compiled template that takes the values `V`, all of them strings: of two numbers side by side Handlebars prints the
 * sum. An empty string is false in `#if`.
 */
export interface Template<V extends Record<keyof V, string>> {
  /** File name; one that ends in `.sh.hbs` is shell, and puts in no value without the `quote` helper. */
  readonly name: string;
  /** Throws TemplateError, naming the value, when one that the template asks for is undefined. */
  render(values: V): string;
}

const shell = ".sh.hbs";

/**
 * Compiles a template, once: strict, without HTML escaping. `{{quote x}}` gives `x` as one word of POSIX shell.
 * Throws TemplateError when the text is not valid, or is shell that puts in a value unquoted.
 */
export function compileTemplate<V extends Record<keyof V, string>>(name: string, source: string): Template<V> {
  const program = parse(name, source);
  if (name.endsWith(shell)) new ShellCheck(name).accept(program);
  const handlebars = Handlebars.create();
  handlebars.registerHelper("quote", (value: unknown) => quote(name, value));
  const compiled = handlebars.compile<unknown>(program, { strict: true, noEscape: true });
  return {
    name,
    render(values) {
      try {
        return compiled(guard(name, values));
      } catch (error) {
        throw error instanceof TemplateError ? error : TemplateError.invalid(name, error);
      }
    },
  };
}

function parse(name: string, source: string): hbs.AST.Program {
  try {
    return Handlebars.parse(source);
  } catch (error) {
    throw TemplateError.invalid(name, error);
  }
}

/** One word of POSIX shell that means `value` and nothing else. */
function quote(template: string, value: unknown): string {
  if (typeof value !== "string") throw TemplateError.unusableValue(template, "given to quote", "a string");
  if (value.includes("\0")) throw TemplateError.unusableValue(template, "given to quote", "free of NUL characters");
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/**
 * The values, in a form that throws where one is read that is not given. Handlebars' own strict mode does not: in `#if`
 * and as the argument of a helper an undefined value passes silently.
 */
function guard(template: string, values: object): object {
  return new Proxy(values, {
    has: () => true,
    get(target, key) {
      const value: unknown = Object.hasOwn(target, key) ? Reflect.get(target, key) : undefined;
      if (value === undefined) throw TemplateError.missingValue(template, String(key));
      if (typeof value !== "string") throw TemplateError.unusableValue(template, String(key), "a string");
      return value;
    },
  });
}

/** Throws at the first place where shell gets a value that is not quoted. */
class ShellCheck extends Handlebars.Visitor {
  readonly #template: string;

  constructor(template: string) {
    super();
    this.#template = template;
  }

  override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
    const path = mustache.path as hbs.AST.PathExpression;
    if (path.original !== "quote") throw TemplateError.unquoted(this.#template, path.original);
  }
}
