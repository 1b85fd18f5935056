import { readFile, writeFile } from "node:fs/promises";
import { generate } from "./files.ts";

const file = (name: string): URL => new URL(`../../../../crds/${name}`, import.meta.url);

process.exitCode = await generate(
  process.argv,
  { read: (name) => readFile(file(name), "utf8"), write: (name, content) => writeFile(file(name), content) },
  (line) => process.stderr.write(`${line}\n`),
);
