import { expect, test } from "vitest";
import { withheld } from "./secrets.ts";

const seen = (environment: Record<string, string>, keep: string[] = []): string[] => withheld(environment, keep);

test.each([
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS"],
  ...["GOOGLE_GHA_CREDS_PATH", "AWS_WEB_IDENTITY_TOKEN_FILE", "KUBECONFIG", "DOCKER_AUTH_CONFIG", "SSH_AUTH_SOCK"],
  ...["NPM_PASSWORD", "TWINE_PASSWORD", "DB_PASS", "DB_PWD", "GPG_PASSPHRASE", "SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE"],
  ...[
    "GH_PAT",
    "npm_config__auth",
    "my_api_key",
    "GITHUBTOKEN",
    "ApiKey",
    "COSIGN_PRIVATE_KEY",
    "SECRETS_JSON",
    "SIGNING_KEYS",
    "SLACK_WEBHOOK_URL",
    "SENTRY_DSN",
    "API_KEY2",
    "KEY1",
    "DEPLOY_TOKEN2",
    "SONARTOKEN2",
    "JWT",
    "DEPLOYKEY",
    "AUTHORIZATION",
    "GITHUBPAT",
    "KUBE_CONFIG",
  ],
])("%s looks like a secret", (name) => {
  expect(seen({ [name]: "x" })).toEqual([name]);
});

test.each([
  ...[
    "PATH",
    "HOME",
    "PWD",
    "OLDPWD",
    "GITHUB_ACTOR",
    "GITHUB_SECRET_SOURCE",
    "GIT_AUTHOR_NAME",
    "TOKENIZERS_PARALLELISM",
    "BYPASS",
  ],
  ...["KEYBOARD", "MONKEY", "GITHUB_REPOSITORY_OWNER", "SSL_CERT_FILE", "COMPASS_HOME", "PATTERN", "SOURCE_DATE_EPOCH"],
])("%s does not", (name) => {
  expect(seen({ [name]: "x" })).toEqual([]);
});

test.each([
  "postgres://lab:hunter2@db/lab",
  "https://x-access-token:abc@host.example/r",
  "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
  "AGE-SECRET-KEY-1QQ",
  "cores = 2\naccess-tokens = github.com=ghs_short",
])("what holds %s is one, whatever its name", (value) => {
  expect(seen({ SETTING: value })).toEqual(["SETTING"]);
});

test("an address without a password is none", () => {
  expect(seen({ PROXY: "http://proxy.example:3128", REPO: "https://lab@host.example/x:y@z" })).toEqual([]);
});

test("what is named is kept, and only that", () => {
  expect(seen({ A_KEY: "x", B_KEY: "y" }, ["A_KEY"])).toEqual(["B_KEY"]);
});
