/**
 * Verifies a published artifact by a bundle of the public Sigstore, with the trusted root that is built in and no network:
 * the way to try slsa-attest/verify on what others have published. Get the files first, on any machine.
 *
 *   node scripts/verify-public.ts <artifact> <bundle.json or .jsonl> <owner/name> [key=value ...]
 *
 * Keys are those of a policy file, and `predicate-type`; names are compared only with `match-names=true`, since registries
 * name artifacts otherwise. Ends with 1 when the artifact is not verified.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { loadPolicyFile, loadVerification, PROVENANCE_TYPE } from "@goatnote/attestation";

const [artifact, bundleFile, repository, ...settings] = process.argv.slice(2);
if (!artifact || !bundleFile || !repository) {
  console.error("usage: node scripts/verify-public.ts <artifact> <bundle> <owner/name> [key=value ...]");
  process.exit(2);
}
const given = Object.fromEntries(settings.map((each) => each.split(/=(.*)/s).slice(0, 2))) as Record<string, string>;
const { "predicate-type": predicateType = PROVENANCE_TYPE, "match-names": matchNames, ...keys } = given;
const { policyFrom, policyKeys, policyProblems } = await loadPolicyFile();
const values = Object.fromEntries(
  Object.entries({ "source-repository": repository, ...keys }).map(([key, value]) => [key, [value]]),
);
const problems = Object.keys(values)
  .filter((key) => !Object.hasOwn(policyKeys, key))
  .map((key) => [key, `is no key; allowed: ${Object.keys(policyKeys).join(", ")}, predicate-type, match-names`])
  .concat(policyProblems(values));
if (problems.length > 0) {
  for (const [key, problem] of problems) console.error(`${key}: ${problem}`);
  process.exit(2);
}

const { publicRoot, verifyArtifacts } = await loadVerification();
const text = readFileSync(bundleFile, "utf8");
const documents = bundleFile.endsWith(".jsonl") ? text.split("\n").filter(Boolean) : [text];
const bundles = documents.map((each, line) => ({
  source: `${bundleFile}, ${line + 1}`,
  json: JSON.parse(each) as unknown,
  sha256: createHash("sha256").update(each).digest("hex"),
}));
const content = readFileSync(artifact);
const hex = (algorithm: string): string => createHash(algorithm).update(content).digest("hex");
const digest = { sha256: hex("sha256"), sha512: hex("sha512") };
const [verdict] = await verifyArtifacts([{ name: basename(artifact), digest }], bundles, {
  policy: policyFrom(values, "https://github.com", "https://token.actions.githubusercontent.com"),
  roots: [publicRoot()],
  predicateType,
  matchNames: matchNames === "true",
  now: new Date(),
});
for (const { source, rules } of verdict?.judgements ?? []) {
  console.log(source);
  for (const { passed, name, expected, actual } of rules)
    console.log(
      `  ${passed ? "kept  " : "FAILED"} ${name}: ${passed ? actual : `wanted ${expected}, found ${actual}`}`,
    );
}
console.log(verdict?.verified ? `verified, SLSA Build L${verdict.level}` : `NOT VERIFIED ${verdict?.reason ?? ""}`);
process.exitCode = verdict?.verified ? 0 : 1;
