import { z } from "zod";

/** `door.json` on the door volume: how the other containers reach their gateway. */
export const door = z.object({
  /** `http://127.0.0.1:PORT` */
  address: z.string(),
  /** Random, of this attempt; opens this run's gateway and nothing else. */
  token: z.string(),
});
export type Door = z.infer<typeof door>;
export const doorFile = "door.json";
