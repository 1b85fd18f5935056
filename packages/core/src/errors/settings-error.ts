import type { z } from "zod";

/** Agent settings that the agent would silently ignore. Never retryable: the same run gives the same settings. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly kind = "SettingsError";
  readonly retryable = false;
  /** Path inside the settings, such as `permissions.allow.0`; empty for the whole. */
  readonly setting: string;

  private constructor(setting: string, why: string, cause: unknown) {
    super(`Agent settings are not valid: ${setting || "settings"}: ${why}`, { cause });
    this.setting = setting;
  }

  /** The first finding of the schema names the setting; the cause holds all of them. */
  static invalid(cause: z.ZodError): SettingsError {
    const issue = cause.issues[0];
    return new SettingsError(issue?.path.join(".") ?? "", issue?.message ?? "unknown finding", cause);
  }
}
