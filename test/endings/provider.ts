import { expect } from "vitest";
import type { Ending } from "./ending.ts";
import type { Scene } from "./scene.ts";
import { implement, twice } from "./work.ts";
import { titleOf } from "./title.ts";

type Fault = "http-429-soon" | "http-429-plain" | "http-500" | "http-529" | "cut-mid-stream";

/** The wait is long enough to be looked at. */
const unhurried = { retryConfig: { ...twice.retryConfig, backoff: { initial: "6s", max: "6s" } } };

/** The model does wrong until the run waits for it. */
function fails(fault: Fault): Pick<Ending, "run" | "meanwhile"> {
  return {
    run: async (stage, name) => {
      stage.model.scenarios.set(titleOf(name), fault);
      return await implement({ spec: unhurried })(stage, name);
    },
    meanwhile: async (scene) => {
      await scene.untilPhase("Retrying");
      await holdsNoPod(scene);
      scene.stage.model.scenarios.delete(titleOf(scene.key.name));
    },
  };
}

async function holdsNoPod(scene: Scene): Promise<void> {
  const { status } = await scene.run();
  expect(status).toMatchObject({
    retries: { infrastructure: 0, agent: 0 },
    nextAttemptAt: expect.any(String) as unknown,
  });
  expect((await scene.pods()).map((pod) => pod.status?.phase)).toEqual(["Failed"]);
}

export const provider: readonly Ending[] = [
  {
    name: "rate-limited",
    cause: "The model's provider answers 429 and asks to wait for two seconds.",
    reason: "RateLimited",
    attempts: ["RateLimited", "Delivered"],
    tells: ["429", "Attempt 2 starts at"],
    ...fails("http-429-soon"),
  },
  {
    name: "rate-limited-plainly",
    cause: "The model's provider answers 429 without a word of how long to wait.",
    reason: "RateLimited",
    attempts: ["RateLimited", "Delivered"],
    tells: ["429", "Attempt 2 starts at"],
    ...fails("http-429-plain"),
  },
  {
    name: "model-fails",
    cause: "The model's provider answers 500.",
    reason: "ModelOverloaded",
    attempts: ["ModelOverloaded", "Delivered"],
    tells: ["500", "Attempt 2 starts at"],
    ...fails("http-500"),
  },
  {
    name: "model-overloaded",
    cause: "The model's provider answers 529.",
    reason: "ModelOverloaded",
    attempts: ["ModelOverloaded", "Delivered"],
    tells: ["529", "Attempt 2 starts at"],
    ...fails("http-529"),
  },
  {
    name: "model-breaks-off",
    cause: "The model's provider breaks each answer off in the middle.",
    reason: "ModelOverloaded",
    attempts: ["ModelOverloaded", "Delivered"],
    tells: ["Attempt 2 starts at"],
    ...fails("cut-mid-stream"),
  },
  {
    name: "rate-limited-too-long",
    cause: "The model's provider answers 429 and asks to wait until after the round's deadline.",
    reason: "RateLimited",
    endsAs: "DeadlineExceeded",
    tells: ["429", "no other attempt can start before the round's deadline"],
    run: implement({ details: "[[rehearse:http-429]]", spec: { ...twice, deadline: "100s" } }),
  },
];
