import { z } from "zod";
import { objectName } from "./names.ts";
import { pattern } from "./rule.ts";

export const accessMode = z.enum(["ReadWriteOncePod", "ReadWriteOnce", "ReadWriteMany"]);
export type AccessMode = z.infer<typeof accessMode>;

/** The volume of a service, kept between the runs that work on it. */
export const workspace = z.object({
  size: pattern(32, {
    matches: /^([1-9][0-9]*([.][0-9]+)?|0[.][0-9]*[1-9][0-9]*)([KMGTP]i|[kMGTP])?$/u,
    message: "must be an amount of storage such as 10Gi, above 0 and in quotes where it is a bare number",
  }).describe(
    "How much the volume holds, such as 10Gi. The first run of a service decides; later ones take it as it is.",
  ),
  storageClassName: objectName()
    .optional()
    .describe("StorageClass that the volume is made by. Absent: the cluster's default."),
  accessMode: accessMode
    .optional()
    .describe(
      "How the volume may be mounted. Absent: the operator's setting, ReadWriteOnce; choose ReadWriteOncePod where the class offers it.",
    ),
});
export type Workspace = z.infer<typeof workspace>;
