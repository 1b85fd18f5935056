// Alone, so that a bundle leaves out the rest of the library, which takes 0.1 s and 20 MB to load.
export { KubeConfig } from "@kubernetes/client-node";
