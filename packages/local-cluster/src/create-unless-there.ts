import { isApiError } from "@orchestrator/controller-runtime";

/** Makes an object; one of its name that exists already is left as it is. */
export async function createUnlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isApiError(error, "AlreadyExists")) throw error;
  }
}
