import type { Volume, VolumeProjection } from "@orchestrator/controller-runtime";
import type { SourceKind } from "../environment.ts";
import type { Pod } from "../pod.ts";
import { podField, resourceField } from "../pod-fields.ts";
import type { ClusterSources } from "./cluster-sources.ts";
import { filesOfKeys, type KeySelection, staysWithin, type VolumeFiles } from "./volume-files.ts";
import { VolumeFailed } from "./volume-failed.ts";

const standardMode = 0o644;
const standardTokenSeconds = 3600;
// The API server refuses shorter ones.
const shortestTokenSeconds = 600;

/** A token that was written into a volume, kept until it should be renewed. */
export interface IssuedToken {
  token: string;
  renewAt: number;
}

export interface ContentContext {
  pod: Pod;
  sources: ClusterSources;
  allocatable: Readonly<Record<string, string>>;
  /** Tokens by volume and path; this adds to it. */
  tokens: Map<string, IssuedToken>;
  now: number;
  signal: AbortSignal;
}

/**
 * The files of a volume that the node fills; undefined for volumes of other kinds.
 * @throws VolumeFailed when something that is not optional is missing
 */
export async function volumeContent(volume: Volume, context: ContentContext): Promise<VolumeFiles | undefined> {
  const sources = projectionsOf(volume);
  if (sources === undefined) return undefined;
  const files: VolumeFiles = new Map();
  for (const source of sources.projections) {
    const added = await projectedFiles(source, { volume, defaultMode: sources.defaultMode, context });
    for (const [path, file] of added) {
      if (!staysWithin(path)) throw new VolumeFailed(volume.name, `path ${path} leaves the volume`);
      files.set(path, file);
    }
  }
  return files;
}

/** Every such volume as what a projected one would say. */
function projectionsOf(volume: Volume): { projections: VolumeProjection[]; defaultMode: number } | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return { projections: [{ configMap }], defaultMode: configMap.defaultMode ?? standardMode };
  if (secret) {
    const { secretName: name, ...rest } = secret;
    return { projections: [{ secret: { name, ...rest } }], defaultMode: secret.defaultMode ?? standardMode };
  }
  if (downwardAPI) return { projections: [{ downwardAPI }], defaultMode: downwardAPI.defaultMode ?? standardMode };
  if (projected) return { projections: projected.sources ?? [], defaultMode: projected.defaultMode ?? standardMode };
  return undefined;
}

interface Place {
  volume: Volume;
  defaultMode: number;
  context: ContentContext;
}

async function projectedFiles(source: VolumeProjection, place: Place): Promise<VolumeFiles> {
  if (source.configMap) return keyFiles("ConfigMap", source.configMap, place);
  if (source.secret) return keyFiles("Secret", source.secret, place);
  if (source.downwardAPI) return downwardFiles(source.downwardAPI, place);
  if (source.serviceAccountToken) return tokenFiles(source.serviceAccountToken, place);
  throw new VolumeFailed(place.volume.name, "this node does not offer this kind of projected source");
}

async function keyFiles(
  kind: SourceKind,
  reference: { name?: string; items?: KeySelection["items"]; optional?: boolean },
  { volume, defaultMode, context }: Place,
): Promise<VolumeFiles> {
  const { name = "", items, optional = false } = reference;
  const { namespace = "" } = context.pod.metadata;
  const data = await context.sources.data(kind, { namespace, name }, context.signal);
  if (data === undefined && optional) return new Map();
  if (data === undefined) throw new VolumeFailed(volume.name, `${kind.toLowerCase()} "${name}" not found`);
  const result = filesOfKeys(data, { items, defaultMode, optional });
  if ("files" in result) return result.files;
  throw new VolumeFailed(
    volume.name,
    `references non-existent ${kind === "Secret" ? "secret" : "config"} key: ${result.missingKey}`,
  );
}

interface DownwardItem {
  path: string;
  mode?: number;
  fieldRef?: { fieldPath: string };
  resourceFieldRef?: { containerName?: string; resource: string; divisor?: string };
}

function downwardFiles({ items = [] }: { items?: DownwardItem[] }, place: Place): VolumeFiles {
  return new Map(
    items.map((item) => {
      const value = downwardValue(item, place.context);
      if (value === undefined) throw new VolumeFailed(place.volume.name, `no field for the path ${item.path}`);
      return [item.path, { content: Buffer.from(value), mode: item.mode ?? place.defaultMode }];
    }),
  );
}

function downwardValue({ fieldRef, resourceFieldRef }: DownwardItem, context: ContentContext): string | undefined {
  if (fieldRef) return podField(context.pod, fieldRef.fieldPath);
  const { containers, initContainers = [] } = context.pod.spec;
  const container = [...initContainers, ...containers].find(({ name }) => name === resourceFieldRef?.containerName);
  if (resourceFieldRef === undefined || container === undefined) return undefined;
  return resourceField(container, resourceFieldRef, context.allocatable);
}

async function tokenFiles(
  request: NonNullable<VolumeProjection["serviceAccountToken"]>,
  { volume, defaultMode, context }: Place,
): Promise<VolumeFiles> {
  const { path, audience, expirationSeconds = standardTokenSeconds } = request;
  const id = `${volume.name}/${path}`;
  const known = context.tokens.get(id);
  const issued = known !== undefined && context.now < known.renewAt ? known : await issueToken();
  context.tokens.set(id, issued);
  return new Map([[path, { content: Buffer.from(issued.token), mode: defaultMode }]]);

  async function issueToken(): Promise<IssuedToken> {
    const { token, expiresAt } = await context.sources.serviceAccountToken(
      context.pod,
      {
        ...(audience === undefined ? {} : { audience }),
        expirationSeconds: Math.max(shortestTokenSeconds, expirationSeconds),
      },
      context.signal,
    );
    return { token, renewAt: context.now + (expiresAt - context.now) * 0.8 };
  }
}
