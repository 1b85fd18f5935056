/** One entry of the `errors` of GitHub's answer 422. */
export interface ValidationIssue {
  resource: string;
  code: string;
  field?: string;
  message?: string;
}

/** An answer of the REST API other than success, in GitHub's shape. */
export class ForgeApiError extends Error {
  override readonly name = "ForgeApiError";
  readonly status: number;
  readonly issues: readonly ValidationIssue[] | undefined;

  private constructor(status: number, message: string, issues?: readonly ValidationIssue[]) {
    super(message);
    this.status = status;
    this.issues = issues;
  }

  static badCredentials(): ForgeApiError {
    return new ForgeApiError(401, "Bad credentials");
  }

  static notFound(): ForgeApiError {
    return new ForgeApiError(404, "Not Found");
  }

  static badRequest(): ForgeApiError {
    return new ForgeApiError(400, "Problems parsing JSON");
  }

  static validationFailed(issues: readonly ValidationIssue[]): ForgeApiError {
    return new ForgeApiError(422, "Validation Failed", issues);
  }

  /** A fault asked for by a test. */
  static fault(status: number): ForgeApiError {
    return new ForgeApiError(status, "Server Error");
  }

  body(): object {
    return {
      message: this.message,
      ...(this.issues === undefined ? {} : { errors: this.issues }),
      documentation_url: "https://docs.github.com/rest",
      status: String(this.status),
    };
  }
}
