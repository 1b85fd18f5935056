import { expect, test } from "vitest";
import { git, startTestForge, startTestGateway, withToken } from "../support/gateway.ts";

const files = { "README.md": "# Shop\n" };

test("a mirror of the repository is served to whoever shows the door's token", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", files);
  const commit = (await git("ls-remote", withToken(url, forge), "refs/heads/main")).slice(0, 40);
  await using run = await startTestGateway({
    repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: `${forge.token}\n`, host: "127.0.0.1" },
  });
  expect(await run.ready()).toEqual({ state: "ready", baseCommit: commit });
  const clone = await run.clone();
  expect(await git("-C", clone, "show", "HEAD:README.md")).toBe("# Shop\n");
  const { address } = run.gateway.door;
  await expect(git("ls-remote", `${address}/repository.git`)).rejects.toThrow(/could not read Username/);
  await expect(git("ls-remote", `${address.replace("://", "://run:wrong@")}/repository.git`)).rejects.toThrow(
    /Authentication failed/,
  );
  expect((await fetch(`${address}/v1/ready`)).status).toBe(401);
});

test("a branch that does not exist ends the run as BranchNotFound", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", files);
  await using run = await startTestGateway({
    repository: { url, branch: "develop", apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  });
  const message = `branch develop does not exist in ${url}`;
  expect(await run.ready()).toEqual({ state: "failed", verdict: { reason: "BranchNotFound", message } });
  expect(run.report().verdict).toEqual({ reason: "BranchNotFound", message });
});

test("a token that the forge refuses ends the run as RepositoryAuthFailed", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", files);
  await using run = await startTestGateway({
    repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: "a-wrong-token", host: "127.0.0.1" },
  });
  expect(await run.ready()).toMatchObject({ state: "failed", verdict: { reason: "RepositoryAuthFailed" } });
  expect(run.report().verdict?.message).toContain("refused the token in Secret forge: ");
  expect(run.log.join("")).not.toContain("a-wrong-token");
  expect(run.terminationMessage()).not.toContain("a-wrong-token");
});

test("a repository that can be read but not pushed to is refused before an agent is paid for", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("open", files, { private: false });
  await using run = await startTestGateway({ repository: { url, apiUrl: forge.apiUrl } });
  expect(await run.ready()).toMatchObject({ state: "failed", verdict: { reason: "RepositoryAuthFailed" } });
  expect(run.report().verdict?.message).toContain("callers without credentials (spec.repository.secretRef is not set)");
});

test("a token that is meant for another host is not sent, and the message says what to change", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", files);
  const { host } = new URL(url);
  for (const [secret, meant] of [
    [{ token: "kept" }, "github.com and gitlab.com only, because it has no key host"],
    [{ token: "kept", host: "git.example.test" }, "git.example.test only"],
    [{ token: "kept", host: "127.0.0.1:1" }, "127.0.0.1:1 only"],
  ] as const) {
    await using run = await startTestGateway({
      repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
      repositorySecret: secret,
    });
    const message = `the token in Secret forge is meant for ${meant}, but this run would send it to ${host}`;
    expect(await run.ready()).toEqual({ state: "failed", verdict: { reason: "RepositoryAuthFailed", message } });
  }
});

test("a missing Secret, or a Secret without its key, is named with the key", async () => {
  await using forge = await startTestForge();
  const repository = { url: await forge.createRepository("shop", files), apiUrl: forge.apiUrl, secretName: "forge" };
  await using none = await startTestGateway({ repository, repositorySecret: { host: "127.0.0.1" } });
  expect(await none.ready()).toMatchObject({ state: "failed", verdict: { reason: "MissingSecret" } });
  expect(none.report().verdict?.message).toContain(
    'Secret team/forge (spec.repository.secretRef) does not exist or has no key "token"',
  );

  const repositorySecret = { token: forge.token, host: "127.0.0.1" };
  await using noKey = await startTestGateway({ repository, repositorySecret, modelSecret: { other: "x" } });
  expect(await noKey.ready()).toMatchObject({ state: "failed", verdict: { reason: "MissingSecret" } });
  expect(noKey.report().verdict?.message).toContain(
    'Secret team/orchestrator-model (spec.modelSecretRef) does not exist or has no key "api-key"',
  );
});

test("a forge that does not answer ends the run as RepositoryUnreachable, after it was tried again", async () => {
  await using run = await startTestGateway({
    repository: { url: "https://127.0.0.1:1/acme/shop.git", provider: "None", secretName: "forge" },
    repositorySecret: { token: "kept", host: "127.0.0.1" },
  });
  expect(await run.ready()).toMatchObject({ state: "failed", verdict: { reason: "RepositoryUnreachable" } });
  expect(run.report().verdict?.message).toMatch(
    /^https:\/\/127\.0\.0\.1:1\/acme\/shop\.git cannot be reached: fatal: /,
  );
  expect(run.log.filter((line) => line.includes("trying again"))).toHaveLength(1);
});

test("a repository that the forge does not show is told apart from a forge that cannot be reached", async () => {
  await using forge = await startTestForge();
  await using run = await startTestGateway({
    repository: { url: `${forge.url}/local/absent.git`, apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  });
  expect(await run.ready()).toMatchObject({ state: "failed", verdict: { reason: "RepositoryAuthFailed" } });
  expect(run.report().verdict?.message).toContain(
    "does not exist, or its forge does not show it to the token in Secret forge",
  );
});

test("only the run's own branch can be pushed to, neither rewritten nor removed", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", files);
  await using run = await startTestGateway({
    repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  });
  await run.ready();
  const clone = await run.clone();
  for (const ref of ["refs/heads/main", "refs/heads/other", "refs/tags/v1", "refs/orchestrator/base"]) {
    await expect(run.push(clone, { [`${ref.replaceAll("/", "-")}.txt`]: "x\n" }, ref)).rejects.toThrow(
      /this run pushes to refs\/heads\/orchestrator\/run-1 only|deny updating a hidden ref/,
    );
  }
  await run.push(clone, { "kept.txt": "kept\n" });
  await expect(git("-C", clone, "push", "--force", "origin", "HEAD~1:refs/heads/orchestrator/run-1")).rejects.toThrow(
    /non-fast-forward/,
  );
  await expect(git("-C", clone, "push", "origin", ":refs/heads/orchestrator/run-1")).rejects.toThrow(
    /deletion prohibited/,
  );
});

test("a gateway that is started again keeps its address, its token and what was pushed to it", async () => {
  await using forge = await startTestForge();
  const options = {
    repository: { url: await forge.createRepository("shop", files), apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  };
  await using first = await startTestGateway(options);
  const ready = await first.ready();
  const clone = await first.clone();
  await first.push(clone, { "a.txt": "a\n" });
  await first.stop();

  const second = await startTestGateway({ ...options, root: first.root });
  expect(second.gateway.door).toEqual(first.gateway.door);
  expect(await second.ready()).toEqual(ready);
  expect(await git("-C", clone, "ls-remote", "origin", "refs/heads/orchestrator/run-1")).not.toBe("");
  await second.stop();
});
