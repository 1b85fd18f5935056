import { z } from "zod";
import { objectName } from "./names.ts";
import { cel, pattern } from "./rule.ts";

export const provider = z.enum(["GitHub", "None"]);

const host = "([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?";
const httpsUrl = new RegExp(`^https://${host}(/[A-Za-z0-9._~%+,=@:!$&*;-]+)+/?$`, "u");
const httpsAddress = new RegExp(`^https://${host}(/[A-Za-z0-9._~%+-]+)*/?$`, "u");
const withCredentials = /^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^/?#]*@/u;
const onGitHub = /^https:\/\/github[.]com(:443)?\//u;
const noCredentials = {
  rule: `!self.matches(${JSON.stringify(withCredentials.source)})`,
  holds: (url: string): boolean => !withCredentials.test(url),
  hidesValue: true,
};

const repositoryUrl = cel(
  pattern(2048, {
    // Credentials have a message of their own, and other forms may hold them too.
    hidesValue: true,
    matches: new RegExp(`${httpsUrl.source}|${withCredentials.source}`, "u"),
    excludes: /\/[.]{1,2}(\/|$)/u,
    message:
      "must be an https URL such as https://github.com/OWNER/NAME; file, ext, ssh and git@HOST:PATH URLs are not supported: use https with a token in a Secret named by repository.secretRef",
  }),
  {
    ...noCredentials,
    message:
      "must not hold a user name, password or token: put the token into a Secret and name it in repository.secretRef",
  },
);

const apiUrl = cel(
  pattern(2048, {
    matches: new RegExp(`${httpsAddress.source}|${withCredentials.source}`, "u"),
    hidesValue: true,
    message: "must be an https URL such as https://HOST/api/v3",
  }),
  {
    ...noCredentials,
    message: "must not hold credentials: put the token into a Secret and name it in repository.secretRef",
  },
);

const branch = pattern(244, {
  matches: /^[^\p{Cc} ~^:?*[\\]+$/u,
  excludes: /^-|^@$|^HEAD$|(^|\/)[.]|[.]lock(\/|$)|[.][.]|\/\/|^\/|\/$|[.]$|@[{]/u,
  message:
    "must be a branch name that Git accepts: not beginning with - . or /, not ending with / . or .lock, without spaces, .., //, @{ and ~ ^ : ? * [ \\",
});

const fields = z.object({
  url: repositoryUrl.describe("The https URL that the repository is cloned from, without credentials."),
  branch: branch.default("main").describe("Branch that the work starts from and that the pull request targets."),
  provider: provider
    .optional()
    .describe(
      "How a pull request is opened: GitHub (also GitHub Enterprise), or None to push the branch only. Inferred for github.com, required for every other host.",
    ),
  apiUrl: apiUrl
    .optional()
    .describe(
      "Address of the provider's API. Default: https://api.github.com for github.com, else https://HOST/api/v3.",
    ),
  secretRef: z
    .object({ name: objectName().describe("Name of the Secret.") })
    .optional()
    .describe(
      "Secret in the run's namespace with the key token, and host: the only host that the token may be sent to (absent: github.com only). Absent: the repository is read and written without credentials.",
    ),
});

export const repository = cel(
  cel(fields, {
    rule: `has(self.provider) || !self.url.matches(${JSON.stringify(httpsUrl.source)}) || self.url.matches(${JSON.stringify(onGitHub.source)})`,
    holds: ({ url, provider: named }) => named !== undefined || !httpsUrl.test(url) || onGitHub.test(url),
    message:
      "provider is required when the host is not github.com: GitHub for a GitHub Enterprise server, or None to push the branch without a pull request",
  }),
  {
    rule: `!has(self.apiUrl) || !has(self.provider) || self.provider != "None"`,
    holds: (value) => value.apiUrl === undefined || value.provider !== "None",
    message: "apiUrl has no use with provider None: remove it, or choose provider GitHub",
  },
);
export type Repository = z.infer<typeof repository>;
