/** What the reader sees: progress, summaries, the table of rules. */
import { code, details, plain, say, table } from "@goatnote/action-io";
import type { Rule, Subject, Verdict } from "@goatnote/attestation";
import type { Aged } from "./archives.ts";

const everyMs = 5000;

/** Says how far a long work is, every few seconds. */
export function progressOf(what: string): (done: number, total: number) => void {
  let next = Date.now() + everyMs;
  return (done, total) => {
    if (Date.now() < next) return;
    next = Date.now() + everyMs;
    say(`${what}: ${Math.floor((100 * done) / total)} % of ${(total / 1e6).toFixed(0)} MB.`);
  };
}

const digestOf = ({ digest }: Subject): string => Object.entries(digest).map((entry) => entry.join(":"))[0] ?? "";
const shownSubjects = 50;

/** The job summary of `slsa-attest`. */
export function attestedSummary(
  subjects: readonly Subject[],
  {
    predicate,
    services,
    signer,
    url,
    bundles,
  }: { predicate: string; services: string; signer: string; url: string; bundles: number },
): string {
  const rest = subjects.length - shownSubjects;
  const rows = subjects.slice(0, shownSubjects).map((subject) => [code(subject.name), code(digestOf(subject))]);
  const link = url === "" ? "" : ` It is shown [here](${url}).`;
  return [
    `### Attested ${subjects.length} ${subjects.length === 1 ? "artifact" : "artifacts"}\n\n`,
    `The ${plain(predicate)} is signed by ${code(signer)}, certified by ${plain(services)}, in ${bundles} ${bundles === 1 ? "bundle" : "bundles"}.${link}\n`,
    table(["artifact", "digest"], rows),
    rest > 0 ? `and ${rest} more.\n` : "",
    "\nNot checked: that the build did what its workflow says. Verify with `slsa-attest/verify` before you use what was built.\n",
  ].join("");
}

const failed = (rules: readonly Rule[]): Rule[] => rules.filter(({ passed }) => !passed);

function ruleTable(rules: readonly Rule[]): string {
  return table(
    ["rule", "", "wanted", "found", "what to do"],
    rules.map(({ name, passed, expected, actual, mend }) => [
      plain(name),
      passed ? "kept" : "**failed**",
      code(expected),
      code(actual),
      plain(mend ?? ""),
    ]),
  );
}

const level = ({ verified, level }: Verdict): string => (verified && level > 0 ? `L${level}` : "");
const shownVerdicts = 100;

/** What a reader should know beside the verdicts. */
interface Noticed {
  /** What was named as a bundle and is none. */
  unreadable?: readonly string[];
  aged?: readonly Aged[];
  /** Files in an archive that nothing there is about. */
  unattested?: readonly string[];
}

/** The job summary of `slsa-attest/verify`. */
export function verifiedSummary(
  verdicts: readonly Verdict[],
  { unreadable = [], aged = [], unattested = [] }: Noticed = {},
): string {
  const bad = verdicts.filter(({ verified }) => !verified);
  const title =
    bad.length === 0
      ? `Verified ${verdicts.length} ${verdicts.length === 1 ? "artifact" : "artifacts"}`
      : `${bad.length} of ${verdicts.length} artifacts are not verified`;
  const shown = [...bad, ...verdicts.filter(({ verified }) => verified)].slice(0, shownVerdicts);
  const first = verdicts.find(({ verified }) => verified)?.judgements[0];
  return [
    `### ${title}\n`,
    table(
      ["artifact", "", "SLSA Build", "signed by"],
      shown.map((verdict) => [
        code(verdict.artifact.name || digestOf(verdict.artifact)),
        verdict.verified ? "verified" : `**not verified**: ${plain(whyNot(verdict))}`,
        level(verdict),
        verdict.verified ? code(verdict.judgements[0]?.identity?.signer ?? "") : "",
      ]),
    ),
    verdicts.length > shown.length ? `and ${verdicts.length - shown.length} more.\n` : "",
    ...bad
      .slice(0, 10)
      .flatMap(({ artifact, judgements }) =>
        judgements
          .slice(0, 5)
          .map((each) => details(`${code(artifact.name)} by ${code(each.source)}`, ruleTable(each.rules))),
      ),
    first ? details("Rules that were kept", ruleTable(first.rules)) : "",
    aged.length > 0 ? `\n#### What has aged\n${agedTable(aged)}` : "",
    unreadable.length > 0
      ? `\nPassed over, since they are no bundles: ${unreadable.slice(0, 20).map(code).join(", ")}\n`
      : "",
    unattested.length > 0
      ? `\n**Not checked**, since nothing in the archive is about them: ${unattested.slice(0, shownVerdicts).map(code).join(", ")}${unattested.length > shownVerdicts ? ` and ${unattested.length - shownVerdicts} more` : ""}\n`
      : "",
    "\nNot checked: that the source is good, or that the build's machine was. The level is what the signature can show, and what the policy vouches for.\n",
  ].join("");
}

function agedTable(aged: readonly Aged[]): string {
  const rows = aged
    .slice(0, shownVerdicts)
    .map(({ archive, what, end, note }) => [code(archive), plain(what), end, plain(note)]);
  const rest = aged.length - rows.length;
  return table(["archive", "what", "until", "what it means"], rows) + (rest > 0 ? `and ${rest} more.\n` : "");
}

/** Why an artifact is not verified, in a sentence: of several bundles, the one that came furthest. */
export function whyNot({ judgements, reason }: Verdict): string {
  if (reason) return `${reason}.`;
  const closest = judgements.toSorted(
    (a, b) => failed(a.rules).length - failed(b.rules).length || b.rules.length - a.rules.length,
  )[0];
  const [rule] = failed(closest?.rules ?? []);
  if (!rule) return "no rule could be kept.";
  return `${rule.name}: wanted ${rule.expected}, found ${rule.actual}.${rule.mend ? ` ${rule.mend}` : ""}`;
}

/** The report file: each artifact with the bundle that verified it, or all rules that failed; each bundle with its rules, once. */
export function reportOf(verdicts: readonly Verdict[], aged: readonly Aged[] = []): object {
  const bundles = new Map<string, object>();
  for (const { source, sha256, predicateType, identity, signedAt, root, rules } of verdicts.flatMap(
    (each) => each.judgements,
  ))
    if (!bundles.has(sha256)) bundles.set(sha256, { source, sha256, predicateType, identity, signedAt, root, rules });
  return {
    verified: verdicts.every(({ verified }) => verified),
    artifacts: verdicts.map((verdict) => ({
      ...verdict.artifact,
      verified: verdict.verified,
      level: verdict.level,
      ...(verdict.verified
        ? { bundle: verdict.judgements[0]?.sha256 }
        : {
            reason: whyNot(verdict),
            failed: verdict.judgements.map(({ sha256, rules }) => ({ bundle: sha256, rules: failed(rules) })),
          }),
    })),
    bundles: [...bundles.values()],
    aged,
  };
}
