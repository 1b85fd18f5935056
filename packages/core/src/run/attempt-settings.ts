import { readFile } from "node:fs/promises";
import { z } from "zod";
import { InvalidConfig } from "../errors/invalid-config.ts";
import { podTemplate, type PodTemplate } from "../pod/pod-template.ts";
import type { AttemptSettings } from "./job-handler.ts";
import type { OperatorSettings } from "./operator-settings.ts";

/**
 * What the settings say about attempts, with the files they name read.
 *
 * @throws InvalidConfig naming the variable, the file and what is wrong with it.
 */
export async function loadAttemptSettings(settings: OperatorSettings): Promise<AttemptSettings> {
  const { agentImage, modelBaseUrl, modelSecretName, keepWork, telemetryEndpoint } = settings;
  const { workspaceAccessMode, gracePeriodMs } = settings;
  const caBundle = settings.caBundle === undefined ? undefined : await readCaBundle(settings.caBundle);
  const template = settings.podTemplate === undefined ? undefined : await readPodTemplate(settings.podTemplate);
  return {
    agentImage,
    modelBaseUrl,
    modelSecretName,
    keepWork,
    telemetryEndpoint,
    caBundle,
    podTemplate: template,
    workspaceAccessMode,
    gracePeriodMs,
  };
}

async function readCaBundle(path: string): Promise<string> {
  const pem = await read("CA_BUNDLE", path);
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw invalid("CA_BUNDLE", `must name a file with PEM certificates, and ${path} holds none`);
  }
  return pem;
}

async function readPodTemplate(path: string): Promise<PodTemplate> {
  const text = await read("POD_TEMPLATE", path);
  // Loaded by the operators that have such a file alone.
  const { parseYaml } = await import("./parse-yaml.ts");
  try {
    return podTemplate.parse(parseYaml(text) ?? {});
  } catch (cause) {
    const why = cause instanceof z.ZodError ? finding(cause) : (cause as Error).message;
    throw invalid("POD_TEMPLATE", `must name a pod template, and ${path} is none: ${why}`, cause);
  }
}

function finding(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join(".") || "it"}: ${issue?.message ?? ""}`;
}

async function read(variable: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw invalid(
      variable,
      `must name a file that can be read, and ${path} cannot: ${(cause as Error).message}`,
      cause,
    );
  }
}

function invalid(field: string, cure: string, cause?: unknown): InvalidConfig {
  return InvalidConfig.field({ object: "the environment", field, cure, cause });
}
