/** From artifacts and bundles to a verdict for each artifact. Not verified is every case that is not verified. */
import { UserError } from "@goatnote/action-io";
import { type Opened, openBundle, peekStatement, type Signed, verifyOpened } from "./bundle.ts";
import type { Identity } from "./certificate.ts";
import { isWorkflow, namesSigner, type Policy, policyRules, unpinnedProblem } from "./policy.ts";
import { isComparable, predicateRules, resultRules } from "./predicate-rules.ts";
import { PROVENANCE_TYPE } from "./provenance.ts";
import { equal, type Rule, rule } from "./rules.ts";
import type { DigestSet, Statement, Subject } from "./statement.ts";
import type { Root } from "./trusted-root.ts";

/**
 * Algorithms, beside SHA-256, by which subjects are named that have no SHA-256: npm's have SHA-512 only.
 */
export function otherAlgorithms(bundles: readonly BundleSource[]): string[] {
  const others = new Set<string>();
  for (const { json } of bundles)
    try {
      for (const { digest } of peekStatement(json).subject)
        if (!digest.sha256) for (const algorithm of ["sha384", "sha512"]) if (digest[algorithm]) others.add(algorithm);
    } catch {
      // About no artifact.
    }
  return [...others];
}

/** A bundle and where it is from. */
export interface BundleSource {
  /** A file, with its line where it has several; or an address. */
  source: string;
  /** The bundle as parsed JSON. */
  json: unknown;
  /** SHA-256 of its text, in hex. */
  sha256: string;
}

/** How a bundle that is about an artifact was judged. */
export interface Judgement {
  source: string;
  sha256: string;
  rules: Rule[];
  passed: boolean;
  predicateType: string;
  identity?: Identity;
  statement?: Statement;
  signedAt?: Date;
  root?: string;
}

export interface Verdict {
  artifact: Subject;
  verified: boolean;
  /** SLSA Build level of the verified provenance: 0 for what is not provenance. */
  level: 0 | 1 | 2 | 3;
  /** The bundle that verified it, or all that did not. */
  judgements: Judgement[];
  /** Why there is no judgement: no bundle is about the artifact. */
  reason?: string;
}

export interface VerifyOptions {
  policy: Policy;
  roots: readonly Root[];
  predicateType: string;
  /** Whether the name that was attested must be that of the artifact. */
  matchNames: boolean;
  now: Date;
  /** Takes a verification summary or test results as well that say `FAILED`: for what is kept, and not relied on. */
  anyResult?: true;
  /** More rules for a bundle that has passed all others, such as those that need the network. */
  further?: (signed: Signed) => Promise<Rule[]>;
}

/**
 * Verifies artifacts. One bundle that keeps all rules is enough: bundles beside it change nothing.
 * @throws UserError when the policy does not say whose signature it wants, or a workflow that it vouches for has no ref
 */
export async function verifyArtifacts(
  artifacts: readonly Subject[],
  bundles: readonly BundleSource[],
  options: VerifyOptions,
): Promise<Verdict[]> {
  if (!namesSigner(options.policy))
    throw new UserError(
      "The policy does not say whose signature it wants, and anyone can sign. Name `source-repository` or `signer-workflow`.",
    );
  const unpinned = unpinnedProblem(options.policy);
  if (unpinned !== undefined) throw new UserError(`The policy trusts too much: ${unpinned}.`);
  const malformed: string[] = [];
  const index = indexed(bundles, malformed);
  // A bundle of many artifacts is checked once.
  const checked = new Map<BundleSource, Promise<Checked>>();
  const check = (mention: Mention) => {
    const known = checked.get(mention.bundle) ?? checkBundle(mention, options);
    checked.set(mention.bundle, known);
    return known;
  };
  const verdicts: Verdict[] = [];
  for (const artifact of artifacts) verdicts.push(await verdictOn(artifact, index, malformed, check, options));
  return verdicts;
}

/** Subjects of bundles by algorithm and digest. */
type Index = Map<string, Map<string, Mention[]>>;
interface Mention {
  bundle: BundleSource;
  opened: Opened;
  subject: Subject;
}

/** Which bundles claim to be about a digest. Nothing is verified yet, and nothing here can make anything pass. */
function indexed(bundles: readonly BundleSource[], malformed: string[]): Index {
  const index: Index = new Map();
  for (const bundle of bundles) {
    let opened: Opened;
    try {
      opened = openBundle(bundle.json);
    } catch {
      malformed.push(bundle.source);
      continue; // About no artifact.
    }
    for (const subject of opened.statement.subject)
      for (const algorithm of Object.keys(subject.digest)) {
        const byDigest = index.get(algorithm) ?? new Map<string, Mention[]>();
        index.set(algorithm, byDigest);
        const hex = subject.digest[algorithm]!;
        const known = byDigest.get(hex);
        if (known) known.push({ bundle, opened, subject });
        else byDigest.set(hex, [{ bundle, opened, subject }]);
      }
  }
  return index;
}

interface Candidate {
  mention: Mention;
  names: string[];
}

/** Bundles that name one of the artifact's digests, each with the names it gives to exactly this artifact. */
function candidatesOf({ digest }: Subject, index: Index): Map<BundleSource, Candidate> {
  const candidates = new Map<BundleSource, Candidate>();
  // A subject with several digests is this artifact only if none of those that are known here differs.
  const agrees = (other: DigestSet): boolean =>
    Object.keys(other).every((algorithm) => (digest[algorithm] ?? other[algorithm]) === other[algorithm]);
  for (const algorithm of Object.keys(digest))
    for (const mention of index.get(algorithm)?.get(digest[algorithm]!) ?? []) {
      const { bundle, subject } = mention;
      const candidate = candidates.get(bundle) ?? { mention, names: [] };
      candidates.set(bundle, candidate);
      if (agrees(subject.digest)) candidate.names.push(subject.name);
    }
  return candidates;
}

interface Checked {
  isSigned: boolean;
  /** By the rules of the bundle itself. */
  judgement: Judgement;
  /** For an artifact that keeps its own as well, when all of the bundle are kept: one for all such artifacts. */
  kept?: Judgement & { passed: true };
  level: Verdict["level"];
}

function checked({ source, sha256 }: BundleSource, { policy }: VerifyOptions, rules: Rule[], signed?: Signed): Checked {
  const { statement, identity, signedAt, root } = signed ?? {};
  const judgement: Judgement = {
    source,
    sha256,
    rules,
    passed: false,
    predicateType: statement?.predicateType ?? "unknown",
    ...(signed && { identity, statement, signedAt, root }),
  };
  // Without a verified signature there is nothing that could pass.
  if (!signed || !rules.every((each) => each.passed)) return { isSigned: signed !== undefined, judgement, level: 0 };
  const fit = rule("digest and name", true, "those that were attested", "those that were attested");
  const kept = { ...judgement, rules: [...rules, fit], passed: true as const };
  return { isSigned: true, judgement, kept, level: levelOf(signed, policy) };
}

async function checkBundle({ bundle, opened }: Mention, options: VerifyOptions): Promise<Checked> {
  const judged = (rules: Rule[], signed?: Signed): Checked => checked(bundle, options, rules, signed);
  let signed: Signed;
  try {
    signed = verifyOpened(opened, options.roots);
  } catch (error) {
    const mend =
      "Get the bundle again from where it was published, or the trusted root of the instance that signed it.";
    return judged([rule("signature", false, "a trusted signature", (error as Error).message, mend)]);
  }
  try {
    return judged(await rulesOf(signed, options), signed);
  } catch (error) {
    // What is online may be asked again; what a bundle says must not stop the others.
    if (error instanceof UserError) throw error;
    return judged([rule("statement", false, "one that can be compared", (error as Error).message)], signed);
  }
}

async function rulesOf(signed: Signed, options: VerifyOptions): Promise<Rule[]> {
  const { statement, identity, signedAt, root } = signed;
  const rules = [
    rule("signature", true, "a trusted signature", `signed ${signedAt.toISOString()}, under ${root}`),
    equal(
      "predicate type",
      options.predicateType,
      statement.predicateType,
      "Name it in `predicate-type` if you want this kind of attestation.",
    ),
    ...policyRules(options.policy, identity, signedAt, options.now),
    ...predicateRules(statement, identity, options.policy.server),
    ...(options.anyResult ? [] : resultRules(statement)),
  ];
  if (options.further && rules.every(({ passed }) => passed)) rules.push(...(await options.further(signed)));
  return rules;
}

async function verdictOn(
  artifact: Subject,
  index: Index,
  malformed: readonly string[],
  check: (mention: Mention) => Promise<Checked>,
  options: VerifyOptions,
): Promise<Verdict> {
  const candidates = candidatesOf(artifact, index);
  const judgements: Judgement[] = [];
  for (const { mention, names } of candidates.values()) {
    const { isSigned, judgement, kept, level } = await check(mention);
    if (kept && isSubject(artifact, names, options)) return { artifact, verified: true, level, judgements: [kept] };
    const own = isSigned ? subjectRules(artifact, names, options) : [];
    judgements.push({ ...judgement, rules: [...judgement.rules, ...own] });
  }
  const reason = candidates.size === 0 ? unattested(artifact, malformed) : undefined;
  return { artifact, verified: false, level: 0, judgements, ...(reason && { reason }) };
}

/** @param malformed where there is something that is no bundle with an attestation */
function unattested(artifact: Subject, malformed: readonly string[]): string {
  const hint = "Check that this is the file that was attested, and that its bundle is among those that are looked at";
  const some = malformed.slice(0, 3).join(", ");
  const broken = malformed.length === 0 ? "" : `; what cannot be read as one: ${some}`;
  return `no attestation is about ${digestsOf(artifact).join(" or ")}. ${hint}${broken}`;
}

const digestsOf = ({ digest }: Subject): string[] => Object.entries(digest).map((entry) => entry.join(":"));

const partsOf = (path: string): string[] => path.replace(/\/+$/, "").split("/");

/** A file may lie anywhere, so the path that was attested is the end of its own; where only its name is known, of that. */
function isNamed(name: string, names: readonly string[]): boolean {
  const isEnd = (attested: string): boolean => {
    const [own, other] = [partsOf(name), partsOf(attested)];
    return (own.length === 1 ? other.slice(-1) : other).every((part, i, { length }) => part === own.at(i - length));
  };
  return names.some((attested) => attested === name || isEnd(attested));
}

/**
 * Whether the artifact is a subject of the statement: those of the index and of the verified bundle are one, read from the same
 * payload.
 * @param names that the statement gives to these bytes
 */
const isSubject = ({ name }: Subject, names: readonly string[], { matchNames }: VerifyOptions): boolean =>
  names.length > 0 && (!matchNames || name === "" || isNamed(name, names));

/** The same as rules, in words. */
function subjectRules(artifact: Subject, names: readonly string[], { matchNames }: VerifyOptions): Rule[] {
  const { name } = artifact;
  const wanted = digestsOf(artifact).join(", ");
  const rules = [rule("digest", names.length > 0, wanted, names.length > 0 ? wanted : "one that differs")];
  if (matchNames && name !== "")
    rules.push(
      rule(
        "name",
        isNamed(name, names),
        name,
        [...new Set(names)].slice(0, 3).join(", "),
        "These bytes were attested under another name. If you renamed the file, set `match-names: false`.",
      ),
    );
  return rules;
}

/**
 * What provenance of this signer is worth. A step of the user's own job can reach the signing identity, which is L2 on GitHub's
 * runners; a reusable workflow isolates the build from its caller, which the policy has to vouch for. https://slsa.dev/spec/v1.2/levels
 */
function levelOf({ statement, identity }: Signed, { server, buildLevel3 = [] }: Policy): Verdict["level"] {
  if (statement.predicateType !== PROVENANCE_TYPE || !isComparable(statement)) return 0;
  if (identity.runner !== "github-hosted") return 1;
  return buildLevel3.some((wanted) => isWorkflow(identity.signer, server, wanted)) ? 3 : 2;
}
