/** Git's mode of a folder of which it keeps the commit alone, and no file. */
export const submoduleMode = "160000";

/** Paths of the submodules that a `.gitmodules` names. */
export function submodulePaths(gitmodules: string): Set<string> {
  return new Set([...gitmodules.matchAll(/^\s*path\s*=\s*"?([^"\n]*?)"?\s*$/gm)].map(([, path = ""]) => path));
}
