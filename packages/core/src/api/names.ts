import type { z } from "zod";
import { pattern } from "./rule.ts";

/** A DNS label, as in names of Services. */
export function dnsLabel(): z.ZodString {
  return pattern(63, {
    matches: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/u,
    message: "must be lower-case letters, digits and dashes, beginning and ending with a letter or digit",
  });
}

/** Name of another Kubernetes object. */
export function objectName(): z.ZodString {
  return pattern(253, {
    matches: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u,
    message: "must be the name of a Kubernetes object: lower-case letters, digits, dashes and dots",
  });
}

const leavesRepository = /^-|(^|\/)[.][.](\/|$)|^[.]\/|\/[.](\/|$)|(^|\/)[.][gG][iI][tT](\/|$)/u;

/** A folder inside the repository; `.` is its root. */
export function folder(): z.ZodString {
  return pattern(1024, {
    matches: /^[^\p{Cc}\\/]+(\/[^\p{Cc}\\/]+)*$/u,
    excludes: leavesRepository,
    message:
      "must be a folder inside the repository, written from its root without a leading or trailing /, without ./ and ../ (such as services/api), or . for the root",
  });
}

/** A Markdown file inside the repository. */
export function markdownPath(): z.ZodString {
  return pattern(255, {
    matches: /^([^\p{Cc}\\/]+\/)*[^\p{Cc}\\/]+[.]md$/u,
    excludes: new RegExp(`${leavesRepository.source}|[.]md/`, "u"),
    message:
      "must be a plain file name or a relative path that ends with .md and has no ./ or ../ (such as notes/design.md)",
  });
}

/** A model's alias or full id. */
export function modelName(): z.ZodString {
  return pattern(256, {
    matches: /^[^\p{Cc}\p{Z}-][^\p{Cc}\p{Z}]*$/u,
    message:
      "must name a model: an alias such as opus or sonnet, or a full model id, without spaces and not beginning with -",
  });
}
