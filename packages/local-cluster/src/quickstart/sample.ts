import { parse } from "yaml";

/** The local forge's repository, put into a sample in place of its placeholder. */
export interface SampleRepository {
  url: string;
  branch: string;
  provider: string;
  apiUrl: string;
  secretRef: { name: string };
}

export interface SampleRun {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
}

/** A sample as a person would edit it: a name of its own (`<name>-<suffix>`) and the address of a repository that exists. */
export function instantiateSample(options: {
  yaml: string;
  suffix: string;
  namespace: string;
  repository: SampleRepository;
}): SampleRun {
  const sample = parse(options.yaml) as SampleRun;
  return {
    ...sample,
    metadata: { ...sample.metadata, name: `${sample.metadata.name}-${options.suffix}`, namespace: options.namespace },
    spec: { ...sample.spec, repository: options.repository },
  };
}
