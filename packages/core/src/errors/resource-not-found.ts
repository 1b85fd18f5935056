/** An object that is needed is not there. Retryable: it may be created yet, and caches lag behind. */
export class ResourceNotFound extends Error {
  override readonly name = "ResourceNotFound";
  readonly kind = "ResourceNotFound";
  readonly retryable = true;
  /** Kind or plural, as whoever missed it says: `configmaps`, `Job`. */
  readonly resourceType: string;
  /** The object's name, not that of `Error`: `namespace/name` where the namespace is known. */
  readonly resourceName: string;

  private constructor(resourceType: string, resourceName: string, cause: unknown) {
    super(`${resourceType} ${resourceName} does not exist`, cause === undefined ? undefined : { cause });
    this.resourceType = resourceType;
    this.resourceName = resourceName;
  }

  static of(resourceType: string, resourceName: string, cause?: unknown): ResourceNotFound {
    return new ResourceNotFound(resourceType, resourceName, cause);
  }
}
