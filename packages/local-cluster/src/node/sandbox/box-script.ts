import { dirname, join } from "node:path";
import { isWithin } from "./mount-table.ts";
import { quote } from "./shell-quote.ts";
import type { RootPlan } from "./system-folders.ts";

/** A bind mount with everything that the kernel wants to know of it. */
export interface PlannedBind {
  source: string;
  target: string;
  readOnly: boolean;
  kind: "folder" | "file";
  /** Mount options of the source, which must be repeated. */
  lockedOptions: string[];
  /** Mounts below the source, as paths relative to it: they come along and are made read-only one by one. */
  below: { path: string; lockedOptions: string[] }[];
}

export interface BoxPlan {
  /** Empty folder of this machine over which the sandbox's root is mounted. */
  root: string;
  /** Where the script will find its mount tables: `mounts.0`, `mounts.1`, ... */
  tables: string;
  folders: RootPlan["folders"];
  links: RootPlan["links"];
  binds: PlannedBind[];
  readOnlyRoot: boolean;
  workingDirectory: string;
  /** PATH of the container. */
  path: string;
  /** Put before the command, within the sandbox. */
  prefix: string[];
  command: string[];
}

export interface Box {
  script: string;
  /** Contents of the mount tables, in fstab's format. */
  tables: string[];
}

/** Where the tools that make a sandbox are looked for. */
const setupPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const rootFolders = ["/dev/shm", "/home", "/opt", "/proc", "/root", "/run", "/srv", "/tmp", "/var/tmp"];

const devices = ["full", "null", "random", "tty", "urandom", "zero"].map((name) => `/dev/${name}`);

const links = [
  { path: "/dev/fd", target: "/proc/self/fd" },
  { path: "/dev/stdin", target: "/proc/self/fd/0" },
  { path: "/dev/stdout", target: "/proc/self/fd/1" },
  { path: "/dev/stderr", target: "/proc/self/fd/2" },
  // Relative, because mount points below it are made before the root is entered: `/run` would be this machine's own.
  { path: "/var/run", target: "../run" },
];

const files = {
  "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
  "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
};

// What a shell adds to the environment; the container is not to see it.
const withoutShellVariables = ["PWD", "OLDPWD", "SHLVL", "_"].flatMap((name) => ["-u", name]);

// Said from within the new root, so that whoever enters the sandbox after that finds the same one.
const inside = [
  'command -v -- "$2" > /dev/null || { printf missing >&3; exit 127; }',
  `printf 'ready %s\\n' "$1" >&3`,
  'shift 2; exec "$@" 2>&4 3>&- 4>&-',
].join("\n");

/**
 * The shell script that makes the root of a sandbox and then becomes the container's command. On file descriptor 3 it
 * says `ready PID` right before that, or what went wrong. Its environment is the container's from the start, so that
 * no value ever stands in an argument.
 */
export function boxScript(plan: BoxPlan): Box {
  const inRoot = (path: string): string => quote(`${plan.root}${path}`);
  const layers = layersOf(plan.binds);
  const words = [
    plan.command[0] ?? "",
    "/usr/bin/env",
    ...withoutShellVariables,
    "--",
    ...plan.prefix,
    ...plan.command,
  ];
  const command = words.map(quote).join(" ");
  const lines = [
    "set -eu",
    "exec 4>&2 2>&3",
    `container_path=${quote(plan.path)}`,
    `PATH=${setupPath}; export PATH`,
    `mount -t tmpfs -o mode=0755 tmpfs ${quote(plan.root)}`,
    `mkdir -p ${[...rootFolders, ...plan.folders].map(inRoot).join(" ")}`,
    `chmod 1777 ${inRoot("/tmp")} ${inRoot("/var/tmp")}`,
    ...[...links, ...plan.links].map(({ path, target }) => `ln -s ${quote(target)} ${inRoot(path)}`),
    ...Object.entries(files).map(([path, content]) => `printf %s ${quote(content)} > ${inRoot(path)}`),
    ...devices.map((path) => `: > ${inRoot(path)}`),
    ...layers.flatMap((layer, index) => [
      ...layer.flatMap((bind) => mountPoint(bind, inRoot)),
      `mount -a -T ${quote(join(plan.tables, `mounts.${index}`))}`,
      ...layer.flatMap((bind) => remountsBelow(bind, inRoot)),
    ]),
    `mkdir -p ${inRoot(plan.workingDirectory)}`,
    ...(plan.readOnlyRoot ? [`mount -o remount,bind,ro ${quote(plan.root)}`] : []),
    "chroot=$(command -v chroot)",
    // The machine's /proc is still in place here, and tells the pid by which the machine knows this process.
    "read -r pid rest < /proc/self/stat",
    "PATH=$container_path; unset container_path rest",
    `exec "$chroot" ${quote(plan.root)} /usr/bin/env -C ${quote(plan.workingDirectory)} -- /bin/sh -c ${quote(inside)} sh "$pid" ${command}`,
  ];
  return { script: `${lines.join("\n")}\n`, tables: layers.map((layer, index) => mountTable(plan.root, layer, index)) };
}

/** Binds by depth: one that lies within another is mounted after it, for its mount point may be made there. */
function layersOf(binds: readonly PlannedBind[]): PlannedBind[][] {
  const layers: PlannedBind[][] = [[]];
  for (const bind of binds) {
    const depth = binds.filter((other) => other !== bind && isWithin(bind.target, other.target)).length;
    while (layers.length <= depth) layers.push([]);
    layers[depth]?.push(bind);
  }
  return layers;
}

function mountPoint({ target, kind }: PlannedBind, inRoot: (path: string) => string): string[] {
  const point = inRoot(target);
  if (kind === "folder") return [`[ -d ${point} ] || mkdir -p ${point}`];
  return [`[ -e ${point} ] || { mkdir -p ${inRoot(dirname(target))}; : > ${point}; }`];
}

function remountsBelow(bind: PlannedBind, inRoot: (path: string) => string): string[] {
  if (!bind.readOnly) return [];
  return bind.below.map(({ path, lockedOptions }) => {
    const options = ["remount", "bind", "ro", ...lockedOptions].join(",");
    return `mount -o ${options} ${inRoot(`${bind.target}/${path}`)}`;
  });
}

function mountTable(root: string, layer: readonly PlannedBind[], index: number): string {
  const own = index > 0 ? [] : ownMounts(root);
  const binds = layer.map(({ source, target, readOnly, lockedOptions }) => {
    const options = ["rbind", readOnly ? "ro" : "rw", ...lockedOptions].join(",");
    return [source, `${root}${target}`, "none", options];
  });
  return [...own, ...binds].map((fields) => `${fields.map(escapeField).join(" ")} 0 0\n`).join("");
}

function ownMounts(root: string): string[][] {
  return [
    ["proc", `${root}/proc`, "proc", "nosuid,nodev,noexec"],
    ["tmpfs", `${root}/dev/shm`, "tmpfs", "nosuid,nodev,mode=1777"],
    ...devices.map((path) => [path, `${root}${path}`, "none", "bind"]),
  ];
}

/** fstab separates by blanks and writes those within a field in octal. */
function escapeField(text: string): string {
  return text.replaceAll(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
