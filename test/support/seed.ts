const defaultSeed = 7;

/**
 * Decides what tests draw by chance. Always the same, so that a failure comes back, unless the environment variable
 * `SEED` holds another one.
 */
export function testSeed(): number {
  const given = process.env["SEED"];
  const seed = given === undefined ? defaultSeed : Number(given);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`SEED must be an integer, not ${given}`);
  return seed;
}
