export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from "./control-plane/control-plane.ts";
export type { Faults } from "./forge/faults.ts";
export { type Forge, type ForgeOptions, startForge } from "./forge/forge.ts";
