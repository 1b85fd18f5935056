import { expect, test } from "vitest";
import { apiUrlOf } from "./api-url.ts";

const repository = { branch: "main", provider: "GitHub" as const };

test.each([
  [{ url: "https://github.com/acme/shop.git" }, "https://api.github.com"],
  [{ url: "https://git.example.test:8443/acme/shop" }, "https://git.example.test:8443/api/v3"],
  [
    { url: "https://git.example.test/acme/shop", apiUrl: "https://api.example.test/v3/" },
    "https://api.example.test/v3",
  ],
])("the API of %o is %s", (given, expected) => {
  expect(apiUrlOf({ ...repository, ...given })).toBe(expected);
});
