/** A file that a rehearsal writes; `path` is relative to the repository's root. */
export interface RehearsedFile {
  path: string;
  content: string;
}

/** Stands in everything that a rehearsal writes. */
export const label = "Written by the rehearsal model: no real model was asked.";

/** Words of a task that mean nothing special in any format. */
export function plainWords(text: string): string {
  return text
    .replaceAll(/\[\[rehearse:[\w-]+\]\]/g, "")
    .replaceAll(/[^\p{L}\p{N}.,\s]/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}
