import type { ApiCall } from "./api-call.ts";
import { statusAnswer } from "./status-answer.ts";

const initialEventsEnd = "k8s.io/initial-events-end";

/** The path that lists what a GET, a LIST, or a watch that begins with a list would have read at a moment of the past. */
export function listOfThePast({ path, name }: ApiCall, resourceVersion: number): string {
  const url = new URL(path, "http://localhost");
  const { searchParams } = url;
  for (const watching of ["watch", "sendInitialEvents", "allowWatchBookmarks", "timeoutSeconds"]) {
    searchParams.delete(watching);
  }
  searchParams.set("resourceVersion", String(resourceVersion));
  searchParams.set("resourceVersionMatch", "Exact");
  if (name === undefined) return `${url.pathname}?${searchParams.toString()}`;
  searchParams.set("fieldSelector", `metadata.name=${name}`);
  return `${url.pathname.slice(0, url.pathname.lastIndexOf("/"))}?${searchParams.toString()}`;
}

/** The path of a watch that goes on from there. */
export function watchFrom({ path }: ApiCall, resourceVersion: number): string {
  const url = new URL(path, "http://localhost");
  url.searchParams.delete("sendInitialEvents");
  url.searchParams.delete("resourceVersionMatch");
  url.searchParams.set("resourceVersion", String(resourceVersion));
  return `${url.pathname}${url.search}`;
}

interface List {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string };
  items: object[] | null;
}

/** What a GET is answered when the list of the past has, or has not, its object. */
export function objectOf(list: List): { status: number; body: string } {
  const [object] = items(list);
  return object === undefined ? statusAnswer(404) : { status: 200, body: JSON.stringify(object) };
}

/** The events that a watch begins with when it begins with a list. */
export function initialEvents(list: List): string[] {
  const { apiVersion, kind } = typeOf(list);
  const metadata = {
    resourceVersion: list.metadata.resourceVersion,
    annotations: { [initialEventsEnd]: "true" },
  };
  const bookmark = { type: "BOOKMARK", object: { apiVersion, kind, metadata } };
  return [...items(list).map((object) => ({ type: "ADDED", object })), bookmark].map((event) => JSON.stringify(event));
}

/** The items of a list come without their type. */
function items(list: List): object[] {
  return (list.items ?? []).map((item) => ({ ...typeOf(list), ...item }));
}

function typeOf({ apiVersion, kind }: List): { apiVersion: string; kind: string } {
  return { apiVersion, kind: kind.replace(/List$/, "") };
}
