import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const pullRequest = z.object({
  id: z.int(),
  number: z.int(),
  title: z.string(),
  body: z.string().nullable(),
  /** Branch that is asked to be merged, and the one it would be merged into. */
  head: z.string(),
  base: z.string(),
  state: z.enum(["open", "closed"]),
  createdAt: z.string(),
  updatedAt: z.string(),
  closedAt: z.string().nullable(),
  /** Commit that the head stood at when it was closed; pushes after that are not part of it. */
  closedHead: z.string().optional(),
});
export type PullRequest = z.infer<typeof pullRequest>;

const forgeRepository = z.object({
  id: z.int(),
  owner: z.string(),
  name: z.string(),
  private: z.boolean(),
  createdAt: z.string(),
  pullRequests: z.array(pullRequest),
});
export type ForgeRepository = z.infer<typeof forgeRepository>;

const forgeData = z.object({
  token: z.string(),
  /** Where the forge listened last; taken again when it is free, so that clone URLs stay valid. */
  port: z.int(),
  nextId: z.int(),
  repositories: z.array(forgeRepository),
});
export type ForgeData = z.infer<typeof forgeData>;

/** What a forge remembers, in one file that is replaced whole, so that a killed forge finds it complete. */
export class ForgeState {
  readonly data: ForgeData;
  readonly #file: string;
  #saving: Promise<void> = Promise.resolve();

  private constructor(file: string, data: ForgeData) {
    this.#file = file;
    this.data = data;
  }

  /** Reads the state below `directory`, or begins an empty one with a new token. */
  static async open(directory: string): Promise<ForgeState> {
    await mkdir(directory, { recursive: true });
    const file = join(directory, "forge.json");
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) return new ForgeState(file, forgeData.parse(JSON.parse(text)));
    return new ForgeState(file, {
      token: `forge_${randomBytes(20).toString("hex")}`,
      port: 0,
      nextId: 1,
      repositories: [],
    });
  }

  /** A number that no other object of this forge has. */
  newId(): number {
    return this.data.nextId++;
  }

  find(owner: string, name: string): ForgeRepository | undefined {
    return this.data.repositories.find((repository) => repository.owner === owner && repository.name === name);
  }

  /** Writes what is remembered now; writes follow one another. */
  async save(): Promise<void> {
    const text = `${JSON.stringify(this.data, null, 2)}\n`;
    const write = async (): Promise<void> => {
      const temporary = `${this.#file}.new`;
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, this.#file);
    };
    this.#saving = this.#saving.then(write, write);
    await this.#saving;
  }
}
