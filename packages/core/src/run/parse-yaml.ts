// A module of its own, because a bundle's chunk of a CommonJS package that is loaded by itself has no named exports.
export { parse as parseYaml } from "yaml";
