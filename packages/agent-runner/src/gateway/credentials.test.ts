import { expect, test } from "vitest";
import { mayHaveToken, readRepositoryCredentials } from "./credentials.ts";

test.each([
  ["https://github.com/acme/shop.git", undefined, true],
  ["https://github.com:443/acme/shop.git", undefined, true],
  ["https://api.github.com", undefined, true],
  ["https://gitlab.com/acme/shop.git", undefined, true],
  ["https://github.com.example.test/acme/shop.git", undefined, false],
  ["https://api.example.test/x", undefined, false],
  ["https://github.com:8443/acme/shop.git", undefined, false],
  ["https://git.example.test/acme/shop.git", "git.example.test", true],
  ["https://git.example.test:8443/acme/shop.git", "git.example.test", true],
  ["https://git.example.test:8443/acme/shop.git", "Git.Example.Test:8443", true],
  ["https://git.example.test/acme/shop.git", "git.example.test:443", true],
  ["https://git.example.test:8443/acme/shop.git", "git.example.test:8444", false],
  ["https://api.git.example.test/x", "git.example.test", false],
  ["https://github.com/acme/shop.git", "git.example.test", false],
  ["https://api.github.com", "github.com", true],
  ["https://gitlab.com/acme/shop.git", "github.com", false],
  ["https://git.example.test/acme/shop.git", "not a host", false],
])("a token may be sent to %s when its Secret says host %s: %s", (address, host, allowed) => {
  expect(mayHaveToken(address, host)).toBe(allowed);
});

test.each([
  { url: "https://git.example.test:99999/acme/shop.git" },
  { url: "https://[:::]/acme/shop.git" },
  { url: "https://git.example.test/acme/shop.git", apiUrl: "https://1.2.3.256/api" },
])("an address that cannot be is named (%o)", async (addresses) => {
  const repository = { branch: "main", provider: "GitHub", secretName: "s", ...addresses } as const;
  const [field, address] = Object.entries(addresses).at(-1) ?? [];
  await expect(readRepositoryCredentials("/nonexistent", { namespace: "team-a", repository })).rejects.toMatchObject({
    verdict: {
      reason: "InvalidInput",
      message: `spec.repository.${field} ${address} has a host or port that cannot be`,
    },
  });
});
