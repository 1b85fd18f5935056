import type { z } from "zod";

/** Agent settings that the agent would silently ignore. Never retryable: the same run gives the same settings. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly kind = "SettingsError";
  readonly retryable = false;
  /** Path inside the settings, such as `permissions.allow.0`; empty for the whole. */
  readonly setting: string;

  private constructor(setting: string, why: string, cause?: unknown) {
    super(
      `Agent settings are not valid: ${setting || "settings"}: ${why}`,
      cause === undefined ? undefined : { cause },
    );
    this.setting = setting;
  }

  /** The first finding of the schema names the setting; the cause holds all of them. */
  static invalid(cause: z.ZodError): SettingsError {
    const issue = cause.issues[0];
    return new SettingsError(issue?.path.join(".") ?? "", issue?.message ?? "unknown finding", cause);
  }

  /** Two tools each have a `config` for one MCP server, and these differ. */
  static differentServers(server: string, tools: readonly [string, string]): SettingsError {
    const why = `the tools ${tools.join(" and ")} define it differently: keep config in one of them, or make both alike`;
    return new SettingsError(`mcpServers.${server}`, why);
  }
}
