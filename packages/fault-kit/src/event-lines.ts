/** One event of a watch, as far as the kit reads it. */
export interface EventLine {
  text: string;
  type: string;
  uid: string;
  resourceVersion: number;
}

/** @throws SyntaxError for what is no event. */
export function readEvent(text: string): EventLine {
  const { type, object } = JSON.parse(text) as {
    type: string;
    object: { metadata?: { uid?: string; resourceVersion?: string } };
  };
  const { uid = "", resourceVersion = "0" } = object.metadata ?? {};
  return { text, type, uid, resourceVersion: Number(resourceVersion) };
}

/**
 * The events that one sees who looks only now and then: of each object the last one. Of what came and went only the end is told,
 * for a watch leaves out no object.
 */
export function joinEvents(events: readonly EventLine[]): EventLine[] {
  const last = new Map<string, EventLine & { added: boolean }>();
  for (const event of events) {
    const before = last.get(event.uid);
    const added = before?.added ?? event.type === "ADDED";
    last.delete(event.uid);
    last.set(event.uid, { ...event, added });
  }
  return [...last.values()].map(({ added, ...event }) =>
    added && event.type === "MODIFIED" ? { ...event, ...asAdded(event.text) } : event,
  );
}

function asAdded(text: string): Pick<EventLine, "type" | "text"> {
  return { type: "ADDED", text: JSON.stringify({ ...(JSON.parse(text) as object), type: "ADDED" }) };
}
