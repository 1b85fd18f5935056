export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "other";

/** One request, as an API server would name it. What is no request for objects has the verb `other` and no resource. */
export interface ApiCall {
  verb: Verb;
  /** Plural, with the subresource: `jobs`, `docsgenerationruns/status`. */
  resource: string;
  namespace?: string;
  name?: string;
  method: string;
  /** With its query. */
  path: string;
}

const objects =
  /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>[^/]+))?$/;

export function readCall(method: string, path: string): ApiCall {
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const found = objects.exec(pathname)?.groups;
  if (found === undefined) return { verb: "other", resource: "", method, path };
  const { namespace, plural = "", name, sub } = found;
  return {
    verb: verbOf(method, name !== undefined, searchParams.get("watch") === "true"),
    resource: sub === undefined ? plural : `${plural}/${sub}`,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    method,
    path,
  };
}

function verbOf(method: string, named: boolean, watch: boolean): Verb {
  switch (method) {
    case "GET":
      return named ? "get" : watch ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return "delete";
    default:
      return "other";
  }
}

const writing: ReadonlySet<Verb> = new Set(["create", "update", "patch", "delete"]);

export function isWrite({ verb }: ApiCall): boolean {
  return writing.has(verb);
}
