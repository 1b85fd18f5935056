/** An object as JSON holds it. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object with its own keys in camelCase; where a key is there in both spellings, camelCase wins. */
export function camelKeys(object: JsonObject): JsonObject {
  const entries = Object.entries(object);
  return {
    ...Object.fromEntries(entries.map(([key, value]) => [camelCase(key), value])),
    ...Object.fromEntries(entries.filter(([key]) => camelCase(key) === key)),
  };
}

function camelCase(key: string): string {
  return key.replace(/(?<=[A-Za-z0-9])_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
