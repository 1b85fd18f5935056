/** What an image name stands for on the local node: programs of this machine, shown to the container under other paths. */
export interface Image {
  /** Run when the container names no `command`. */
  entrypoint: string[];
  /** Variables that the container's own `env` may replace. */
  env: Record<string, string>;
  /** Files and folders of this machine, read-only within the container. */
  mounts: { hostPath: string; path: string }[];
  /** Default `/`. */
  workingDir?: string;
}

/** By image name, exactly as pods write it. */
export type ImageTable = ReadonlyMap<string, Image>;
