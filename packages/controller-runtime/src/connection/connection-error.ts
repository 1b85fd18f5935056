/** There is no usable description of where the API server is. The message names the file or variable and the cure. */
export class ConnectionConfigError extends Error {
  override readonly name = "ConnectionConfigError";
}
