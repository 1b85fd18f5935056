import type { CommitInfo, FileChange } from "./bare-repository.ts";
import type { ForgeRepository, PullRequest } from "./forge-state.ts";

/** Addresses under which a forge answers, without a slash at the end. */
export interface ForgeAddresses {
  url: string;
  apiUrl: string;
}

type Json = Record<string, unknown>;

const userLinks = ["followers", "following", "gists", "starred", "subscriptions", "orgs", "repos", "events"];
const repositoryLinks = [
  "archive",
  "assignees",
  "blobs",
  "branches",
  "collaborators",
  "comments",
  "commits",
  "compare",
  "contents",
  "contributors",
  "deployments",
  "downloads",
  "events",
  "forks",
  "git_commits",
  "git_refs",
  "git_tags",
  "hooks",
  "issue_comment",
  "issue_events",
  "issues",
  "keys",
  "labels",
  "languages",
  "merges",
  "milestones",
  "notifications",
  "pulls",
  "releases",
  "stargazers",
  "statuses",
  "subscribers",
  "subscription",
  "tags",
  "teams",
  "trees",
];

function links(names: readonly string[], base: string): Json {
  return Object.fromEntries(names.map((name) => [`${name}_url`, `${base}/${name.replace("_", "/")}`]));
}

/** `simple-user` of GitHub's description. */
function simpleUser(login: string, at: ForgeAddresses): Json {
  const base = `${at.apiUrl}/users/${login}`;
  const { orgs_url: organizations_url, ...others } = links(userLinks, base);
  return {
    login,
    id: 1,
    node_id: "U_1",
    avatar_url: `${at.url}/avatars/${login}`,
    gravatar_id: "",
    url: base,
    html_url: `${at.url}/${login}`,
    ...others,
    organizations_url,
    received_events_url: `${base}/received_events`,
    type: "User",
    site_admin: false,
  };
}

/** `public-user`: the answer of `GET /user`. */
export function authenticatedUser(login: string, at: ForgeAddresses, createdAt: string): Json {
  return {
    ...simpleUser(login, at),
    name: login,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: createdAt,
    updated_at: createdAt,
  };
}

/** `full-repository`: also what pull requests show of their repository. */
export function repositoryShape(repository: ForgeRepository, at: ForgeAddresses): Json {
  const fullName = `${repository.owner}/${repository.name}`;
  const api = `${at.apiUrl}/repos/${fullName}`;
  const html = `${at.url}/${fullName}`;
  const open = repository.pullRequests.filter(({ state }) => state === "open").length;
  return {
    id: repository.id,
    node_id: `R_${repository.id}`,
    name: repository.name,
    full_name: fullName,
    owner: simpleUser(repository.owner, at),
    private: repository.private,
    html_url: html,
    description: null,
    fork: false,
    url: api,
    ...links(repositoryLinks, api),
    clone_url: `${html}.git`,
    git_url: `${html}.git`,
    ssh_url: `${html}.git`,
    svn_url: html,
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    default_branch: "main",
    archived: false,
    disabled: false,
    visibility: repository.private ? "private" : "public",
    has_issues: false,
    has_projects: false,
    has_wiki: false,
    has_pages: false,
    has_downloads: false,
    has_discussions: false,
    size: 0,
    forks: 0,
    forks_count: 0,
    open_issues: open,
    open_issues_count: open,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    network_count: 0,
    subscribers_count: 0,
    created_at: repository.createdAt,
    updated_at: repository.createdAt,
    pushed_at: repository.createdAt,
  };
}

/** `pull-request-simple`: what lists hold. */
export function pullRequestSimple(
  repository: ForgeRepository,
  pull: PullRequest,
  commits: { head: string; base: string },
  at: ForgeAddresses,
): Json {
  const fullName = `${repository.owner}/${repository.name}`;
  const api = `${at.apiUrl}/repos/${fullName}`;
  const html = `${at.url}/${fullName}/pull/${pull.number}`;
  const url = `${api}/pulls/${pull.number}`;
  const author = simpleUser(repository.owner, at);
  const addresses = {
    html: html,
    issue: `${api}/issues/${pull.number}`,
    comments: `${api}/issues/${pull.number}/comments`,
    review_comments: `${url}/comments`,
    review_comment: `${api}/pulls/comments{/number}`,
    commits: `${url}/commits`,
    statuses: `${api}/statuses/${commits.head}`,
  };
  const branch = (ref: string, sha: string): Json => ({
    label: `${repository.owner}:${ref}`,
    ref,
    sha,
    user: author,
    repo: repositoryShape(repository, at),
  });
  return {
    url,
    id: pull.id,
    node_id: `PR_${pull.id}`,
    ...Object.fromEntries(Object.entries(addresses).map(([name, address]) => [`${name}_url`, address])),
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: author,
    body: pull.body,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: null,
    merge_commit_sha: null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: [],
    milestone: null,
    draft: false,
    head: branch(pull.head, commits.head),
    base: branch(pull.base, commits.base),
    _links: Object.fromEntries(Object.entries({ ...addresses, self: url }).map(([name, href]) => [name, { href }])),
    author_association: "OWNER",
    auto_merge: null,
  };
}

/** `pull-request`: one of them, with its counts. */
export function pullRequestFull(simple: Json, changes: readonly FileChange[], commits: number): Json {
  return {
    ...simple,
    merged: false,
    mergeable: true,
    rebaseable: true,
    mergeable_state: "clean",
    merged_by: null,
    comments: 0,
    review_comments: 0,
    maintainer_can_modify: false,
    commits,
    additions: changes.reduce((sum, change) => sum + change.additions, 0),
    deletions: changes.reduce((sum, change) => sum + change.deletions, 0),
    changed_files: changes.length,
  };
}

/** `diff-entry`: one file of a pull request. */
export function fileShape(repository: ForgeRepository, change: FileChange, head: string, at: ForgeAddresses): Json {
  const fullName = `${repository.owner}/${repository.name}`;
  return {
    sha: change.blob,
    filename: change.path,
    status: change.status,
    additions: change.additions,
    deletions: change.deletions,
    changes: change.additions + change.deletions,
    blob_url: `${at.url}/${fullName}/blob/${head}/${change.path}`,
    raw_url: `${at.url}/${fullName}/raw/${head}/${change.path}`,
    contents_url: `${at.apiUrl}/repos/${fullName}/contents/${change.path}?ref=${head}`,
  };
}

/** `short-branch`: what lists hold. */
export function branchShort(repository: ForgeRepository, name: string, sha: string, at: ForgeAddresses): Json {
  const api = `${at.apiUrl}/repos/${repository.owner}/${repository.name}`;
  return { name, commit: { sha, url: `${api}/commits/${sha}` }, protected: false };
}

/** `branch-with-protection`: one of them, with its commit. */
export function branchFull(repository: ForgeRepository, name: string, commit: CommitInfo, at: ForgeAddresses): Json {
  const fullName = `${repository.owner}/${repository.name}`;
  const api = `${at.apiUrl}/repos/${fullName}`;
  const person = { name: commit.authorName, email: commit.authorEmail, date: commit.date };
  const url = `${api}/commits/${commit.sha}`;
  return {
    name,
    commit: {
      sha: commit.sha,
      node_id: `C_${commit.sha}`,
      url,
      html_url: `${at.url}/${fullName}/commit/${commit.sha}`,
      comments_url: `${url}/comments`,
      commit: {
        url: `${api}/git/commits/${commit.sha}`,
        author: person,
        committer: person,
        message: commit.message,
        comment_count: 0,
        tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      },
      author: null,
      committer: null,
      parents: commit.parents.map((sha) => ({ sha, url: `${api}/commits/${sha}` })),
    },
    _links: { self: `${api}/branches/${name}`, html: `${at.url}/${fullName}/tree/${name}` },
    protected: false,
    protection: { enabled: false },
    protection_url: `${api}/branches/${name}/protection`,
  };
}
