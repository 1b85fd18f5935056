import { execFile } from "node:child_process";

/**
 * Runs a program to its end; answers its standard output.
 * @throws with the program's own words when it fails
 */
export function runProgram(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(new Error(`${program} ${args.join(" ")} failed: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}
