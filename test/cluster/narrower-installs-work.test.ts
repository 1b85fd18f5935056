import { afterAll, afterEach, expect, inject, test } from "vitest";
import { onCluster, openLab } from "./support/cluster-lab.ts";
import { followGuide, runShell } from "./support/guide.ts";

const system = "orchestrator-system";

/** Applies a file of `make release`, and tells what it installs of the forge and the model in the cluster. */
async function install(file: string): Promise<void> {
  const { variables } = inject("stage");
  await runShell(
    `
    kubectl apply -f dist/${file}
    kubectl -n ${system} create configmap orchestrator-ca --from-file=ca.crt=$CA_FILE --dry-run=client -o yaml | kubectl apply -f -
    kubectl -n ${system} set env deployment --all CA_BUNDLE=/etc/orchestrator/ca/ca.crt MODEL_BASE_URL=$MODEL_URL NETWORK_POLICY_OPEN=$OPEN
    for deployment in $(kubectl -n ${system} get deployments -o name); do
      kubectl -n ${system} rollout status $deployment --timeout=180s
    done`,
    variables,
  );
}

async function remove(...files: string[]): Promise<void> {
  for (const file of files) await onCluster("delete", "-f", `dist/${file}`, "--ignore-not-found");
}

const all = [
  "install-docs-generation-operator.yaml",
  "install-task-implementation-operator.yaml",
  "install-namespaced.yaml",
];
afterEach(() => remove(...all));
// The other files find what they expect.
afterAll(() => followGuide("Install", inject("stage").variables).then(() => undefined));

test("each operator works without the other, and the second comes beside the first", async () => {
  await remove("install.yaml");
  await install("install-docs-generation-operator.yaml");
  await using lab = await openLab("one");
  const repository = await lab.repository("one", [{ id: 1, title: "One operator" }]);
  expect(await lab.end(await lab.docs("docs", { repository }))).toMatchObject({ phase: "Succeeded" });
  expect(await onCluster("get", "crd", "-o", "name")).not.toContain("taskimplementationruns");

  await install("install-task-implementation-operator.yaml");
  expect(await lab.end(await lab.implement("task", { repository }))).toMatchObject({ phase: "Succeeded" });
});

test("with rights in one namespace alone, runs there succeed, and runs elsewhere are nobody's", async () => {
  await remove("install.yaml");
  await install("install-namespaced.yaml");
  expect(await onCluster("get", "clusterroles", "-o", "name")).not.toContain("docs-generation-operator");
  await using elsewhere = await openLab("elsewhere");
  await using lab = await openLab({ namespace: system });
  const repository = await lab.repository("namespaced", [{ id: 1, title: "One namespace" }]);
  const ignored = await elsewhere.docs("ignored", { repository });
  expect(await lab.end(await lab.docs("docs", { repository }))).toMatchObject({ phase: "Succeeded" });
  expect(await lab.end(await lab.implement("task", { repository }))).toMatchObject({ phase: "Succeeded" });
  const left = await elsewhere.until(ignored, "is there", () => true);
  // As the API server made it.
  expect(left.status).toEqual({ phase: "Pending" });
});
