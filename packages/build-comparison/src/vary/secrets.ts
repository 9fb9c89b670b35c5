/** Variables of a job that builds do not get, since they look like secrets: by their names, or by what they hold. */

// Words between underscores, and some that stand for themselves within a word; a number may follow.
const words =
  /(^|_)(PASSWD|PASS|CREDS|TOKENS?|PAT|AUTH|AUTHORIZATION|BEARER|JWT|DSN|KEYS?|COOKIE)\d*(_|$)|(TOKEN|(SIGN(ING)?|DEPLOY|SSH|GPG|AGE)KEY|(GITHUB|GITLAB|GH)PAT)\d*$|\wPWD$|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL|WEBHOOK|APIKEY|PRIVATEKEY|ACCESSKEY|^(KUBE_?CONFIG|DOCKER_CONFIG|NETRC)$/;
// The second says where a job's secrets come from.
const harmless = /^(OLDPWD|GITHUB_SECRET_SOURCE)$/;
const contents = [
  /-----BEGIN [A-Z ]*PRIVATE KEY/,
  // A password in an address, as of a database or a proxy.
  /\b[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i,
  // Of Nix, in NIX_CONFIG.
  /\baccess-tokens\s*=\s*\S/,
  /\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22}|AGE-SECRET-KEY-1)/,
];

/** What only actions may have, whatever a user names. */
export const ofRunner = /^(INPUT_|STATE_|ACTIONS_)|^GITHUB_(ENV|OUTPUT|STATE|PATH|STEP_SUMMARY|ARTIFACTS)$/i;

/**
 * Names of variables that builds do not get, sorted.
 * @param keep names that are passed on although they look like secrets
 */
export function withheld(environment: Readonly<Record<string, string>>, keep: readonly string[]): string[] {
  const looksSecret = ([name, value]: [string, string]): boolean =>
    (words.test(name.toUpperCase()) && !harmless.test(name)) || contents.some((pattern) => pattern.test(value));
  return Object.entries(environment)
    .filter((entry) => !keep.includes(entry[0]) && looksSecret(entry))
    .map(([name]) => name)
    .sort();
}
