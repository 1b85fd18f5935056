import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where images lie that are loaded into nodes: nobody serves a registry of this name, so that no node ever asks one for them. */
export const loadedRepository = "localhost/orchestrator";

export interface ImageOptions {
  /** Prefix of the images' names in a registry. Absent: they are loaded into nodes, which know no digest of theirs. */
  repository?: string | undefined;
  /** Folder of `make images`. */
  images: string;
  tag: string;
}

/** An image as kustomize is told of it. */
export type ImageReference = { newName: string } & ({ newTag: string } | { digest: string });

/**
 * An image by the only name that stands for its content, or by its tag where nodes were given it.
 * @throws when a digest is asked for of an image that was not built
 */
export async function imageReference(name: string, { repository, images, tag }: ImageOptions): Promise<ImageReference> {
  if (repository === undefined) return { newName: `${loadedRepository}/${name}`, newTag: tag };
  return { newName: `${repository}/${name}`, digest: await digestOf(name, images) };
}

async function digestOf(name: string, images: string): Promise<string> {
  try {
    return (JSON.parse(await readFile(join(images, `${name}.json`), "utf8")) as { digest: string }).digest;
  } catch (error) {
    throw new Error(`there is no image ${name} in ${images}: run make images first`, { cause: error });
  }
}
