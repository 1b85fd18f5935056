export { type GetBinariesOptions, getBinaries } from "./binaries/get-binaries.ts";
export type { Binaries, Program } from "./binaries/versions.ts";
export { ensureServerCertificate } from "./control-plane/certificates.ts";
export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from "./control-plane/control-plane.ts";
export { type ControlPlanePorts, chooseControlPlanePorts } from "./control-plane/control-plane-ports.ts";
export type { Faults } from "./forge/faults.ts";
export { type Forge, type ForgeOptions, startForge } from "./forge/forge.ts";
export { sampleFiles } from "./cluster/sample-files.ts";
export { agentCliPath } from "./agent-cli.ts";
export { localImages } from "./images.ts";
export type { Image, ImageTable } from "./node/image-table.ts";
export { type NodeOptions, type RunningNode, startNode } from "./node/node.ts";
export { type Sandbox, startSandbox } from "./node/sandbox/sandbox.ts";
export { findTools } from "./node/sandbox/tools.ts";
export type { NodeSettings } from "./node/settings.ts";
export { type ProvisionerOptions, runProvisioner } from "./provisioner/provisioner.ts";
export {
  type RehearsalModel,
  type RehearsalModelOptions,
  startRehearsalModel,
} from "./rehearsal-model/rehearsal-model.ts";
