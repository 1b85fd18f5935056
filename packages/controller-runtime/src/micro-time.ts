/** Kubernetes' MicroTime: with any other number of digits the API server refuses the object. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}
