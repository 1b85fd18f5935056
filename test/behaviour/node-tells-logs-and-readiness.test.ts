import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { type Container, resources } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { kubectl, kubectlOk } from "../support/cluster.ts";
import { type NodeLab, startNodeLab } from "../support/node-lab.ts";
import { containerOf } from "../support/pods.ts";
import { waitFor } from "../support/wait.ts";

let lab: NodeLab;
let client: NodeLab["client"];
let node: NodeLab["node"];
let namespace: NodeLab["namespace"];
let pods: NodeLab["pods"];

beforeAll(async () => {
  lab = await startNodeLab();
  ({ client, node, namespace, pods } = lab);
});
afterAll(() => lab[Symbol.asyncDispose]());

const image = "shell";
const logs = (...args: string[]): Promise<string> => kubectlOk(["logs", "--namespace", namespace.name, ...args]);

test("kubectl logs --follow shows lines as they are written, and ends with the container", async () => {
  const work = { volumes: [{ name: "work", emptyDir: {} }] };
  const volumeMounts = [{ name: "work", mountPath: "/work" }];
  await pods.create("talking", {
    ...work,
    containers: [
      {
        name: "main",
        image,
        args: ["echo first; while ! test -e /work/go; do sleep 0.05; done; echo last"],
        volumeMounts,
      },
      {
        name: "helper",
        image,
        args: ["while ! test -e /work/heard; do sleep 0.05; done; touch /work/go"],
        volumeMounts,
      },
    ],
  });
  await pods.running("talking");
  const { kubectl: program, kubeconfig } = inject("cluster");
  const args = ["logs", "--follow", "--namespace", namespace.name, "talking", "--container", "main"];
  const follower = spawn(program, args, { env: { KUBECONFIG: kubeconfig, HOME: "/nonexistent" } });
  const [first] = (await once(follower.stdout, "data")) as [Buffer];
  expect(first.toString()).toBe("first\n");
  const pod = await pods.running("talking");
  await writeFile(`${node.directory}/pods/${pod.metadata.uid}/volumes/work/heard`, "");
  expect(await text(follower.stdout)).toBe("last\n");
});

test("kubectl logs chooses container, run, number of lines and timestamps", async () => {
  await pods.create("chosen", {
    restartPolicy: "OnFailure",
    volumes: [{ name: "work", emptyDir: {} }],
    containers: [
      {
        name: "main",
        image,
        args: [
          "if test -e /work/again; then printf 'two\\nthree\\nfour'; else touch /work/again; echo one; exit 1; fi",
        ],
        volumeMounts: [{ name: "work", mountPath: "/work" }],
      },
      { name: "other", image, args: ["echo other >&2"] },
    ],
  });
  await pods.ended("chosen");
  expect(await logs("chosen", "--container", "main")).toBe("two\nthree\nfour\n");
  expect(await logs("chosen", "--container", "main", "--previous")).toBe("one\n");
  expect(await logs("chosen", "--container", "main", "--tail", "2")).toBe("three\nfour\n");
  expect(await logs("chosen", "--container", "other")).toBe("other\n");
  expect(await logs("chosen", "--container", "other", "--timestamps")).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z other\n$/);
  expect(await logs("chosen", "--container", "main", "--limit-bytes", "5")).toBe("two\nt");
});

test("kubectl logs of a container that never ran says why there is none", async () => {
  await pods.create("silent", { containers: [{ name: "main", image: "example.com/none:1" }] });
  await pods.until("silent", "waits", (pod) => containerOf(pod, "main").state?.waiting?.message);
  const { code, stderr } = await kubectl(["logs", "--namespace", namespace.name, "silent"]);
  expect(code).toBe(1);
  expect(stderr).toContain(`container "main" in pod "silent" is waiting to start`);
});

test("only the API server may ask a node for logs", async () => {
  const { caFile, serverCertificate } = inject("cluster");
  const ca = await readFile(caFile);
  const [cert, key] = [await readFile(serverCertificate.certFile), await readFile(serverCertificate.keyFile)];
  const ask = (client: { cert?: Buffer; key?: Buffer }): Promise<number | string> =>
    new Promise((resolve) => {
      const request = get({ host: "127.0.0.1", port: node.port, path: "/healthz", ca, ...client }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      request.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  expect(await ask({})).toMatch(/^(ERR_SSL|ECONNRESET)/);
  expect(await ask({ cert, key })).toBe(403);
});

test("a Deployment is available when its pod's readiness probe passes, and not before", async () => {
  const signal = AbortSignal.timeout(60_000);
  const server = `
const { createServer } = require("node:http"); const { existsSync } = require("node:fs");
const server = createServer((_, answer) => { answer.statusCode = existsSync("/gate/open") ? 200 : 503; answer.end(); });
server.listen(Number(process.env.PORT), "127.0.0.1");`;
  const port = await freePort();
  const container: Container = {
    name: "main",
    image,
    command: ["node", "-e", server],
    env: [{ name: "PORT", value: String(port) }],
    ports: [{ name: "http", containerPort: port }],
    readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1, failureThreshold: 1 },
    volumeMounts: [{ name: "gate", mountPath: "/gate" }],
  };
  const metadata = { name: "served", namespace: namespace.name };
  await client.create(
    resources.deployments,
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "served" } },
        template: {
          metadata: { labels: { app: "served" } },
          spec: { ...node.place, containers: [container], volumes: [{ name: "gate", emptyDir: {} }] },
        },
      },
    },
    { signal },
  );
  const pod = await waitFor("its pod to have failed a probe", async (signal) => {
    const selection = { namespace: namespace.name, labelSelector: "app=served", signal };
    const [pod] = (await client.list(resources.pods, selection)).items;
    const events = await kubectlOk(["events", "--namespace", namespace.name]);
    const started = pod?.status?.containerStatuses?.[0]?.started === true;
    return started && events.includes("statuscode: 503") ? { done: pod } : { pending: [pod?.status, events] };
  });
  expect(containerOf(pod, "main")).toMatchObject({ ready: false });
  expect((await client.get(resources.deployments, metadata, { signal })).status?.readyReplicas).toBeUndefined();
  await writeFile(`${node.directory}/pods/${pod.metadata.uid}/volumes/gate/open`, "");
  await waitFor("the Deployment to be available", async (signal) => {
    const { status } = await client.get(resources.deployments, metadata, { signal });
    return status?.availableReplicas === 1 ? { done: true } : { pending: status };
  });
});

test("a container whose liveness probe fails is started again", async () => {
  await pods.create("ailing", {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "main",
        image,
        args: ["trap 'exit 0' TERM; touch /tmp/well; sleep 0.5; rm /tmp/well; while :; do sleep 0.05; done"],
        startupProbe: { exec: { command: ["test", "-e", "/tmp/well"] }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ["test", "-e", "/tmp/well"] }, periodSeconds: 1, failureThreshold: 1 },
      },
    ],
  });
  const status = await pods.until("ailing", "was started again", (pod) => {
    const status = containerOf(pod, "main");
    return status.restartCount > 0 ? status : undefined;
  });
  expect(status.lastState?.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
