/** The start of a text whose JSON form takes at most `limit` bytes of UTF-8, quotes left out. */
export function cutBytes(text: string, limit: number): string {
  const size = (part: string): number => Buffer.byteLength(JSON.stringify(part)) - 2;
  if (size(text) <= limit) return text;
  const mark = "…";
  const characters = Array.from(text);
  let low = 0;
  let high = characters.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (size(characters.slice(0, middle).join("") + mark) <= limit) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? "" : characters.slice(0, low).join("") + mark;
}
