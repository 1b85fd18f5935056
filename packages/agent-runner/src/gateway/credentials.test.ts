import { expect, test } from "vitest";
import { mayHaveToken } from "./credentials.ts";

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
