import {
  boolean,
  declareInputs,
  duration,
  type Field,
  lines,
  oneOf,
  secret,
  text,
  type Values,
} from "@goatnote/action-io";

const uploads = ["github", "release", "artifact", "none"] as const;
type Upload = (typeof uploads)[number];

/** One or more places, or `none` alone. */
function places(): Field<Upload[]> {
  return {
    ...lines(),
    allowed: "`github`, `release`, `artifact`, one per line; or `none`",
    parse(value) {
      const words = value.split(/\s+/).filter(Boolean);
      const known = words.filter((word): word is Upload => uploads.includes(word as Upload));
      const alone = !known.includes("none") || known.length === 1;
      return known.length === words.length && alone && known.length > 0 ? known : undefined;
    },
    empty: undefined,
  };
}

/** `auto`, `none`, or paths that stay in the repository. */
function lockFileChoice(): Field<string[]> {
  const field = lines("`auto`, `none`, or paths from the repository's root, one per line");
  const isPath = (path: string): boolean => path !== "auto" && path !== "none" && !/^[/.]|\/\.|[\\:\0]/.test(path);
  return {
    ...field,
    parse(value) {
      const words = field.parse(value) ?? [];
      return words.every(isPath) || (words.length === 1 && !isPath(words[0]!) && /^(auto|none)$/.test(words[0]!))
        ? words
        : undefined;
    },
  };
}

/** What GitHub takes as the name of an artifact. */
function artifactName(): Field<string> {
  const field = text('a name without " : < > | * ? \\ / and line breaks');
  return { ...field, parse: (value) => (/[":<>|*?\r\n\\/]/.test(value) ? undefined : value) };
}

const subjects = {
  "subject-path": lines("paths or glob patterns, one per line"),
  "subject-checksums": lines("paths, one per line"),
  "subject-digest": text("a digest such as `sha256:…`"),
  "subject-name": text("a name"),
};

export const mainInputs = declareInputs({
  ...subjects,
  "subject-base": text("a folder"),
  predicate: oneOf("provenance", "sbom", "test-result", "custom"),
  "predicate-type": text("a URI"),
  "predicate-path": text("a file path"),
  "sbom-path": text("a file path"),
  plan: text("a file path"),
  segment: text("a file path"),
  "resolved-dependencies": text("a file path"),
  "lock-files": lockFileChoice(),
  "include-inputs": boolean(),
  sigstore: oneOf("auto", "public", "github", "custom"),
  "fulcio-url": text("a URL"),
  "rekor-url": text("a URL"),
  "rekor-version": oneOf("1", "2"),
  "tsa-url": text("a URL"),
  "trusted-root": text("a file path"),
  bundle: oneOf("combined", "per-subject"),
  "output-dir": text("a folder"),
  upload: places(),
  "release-tag": text("a tag"),
  "artifact-name": artifactName(),
  "push-to-registry": boolean(),
  "allow-public-log": boolean(),
  "on-unavailable": oneOf("fail", "warn", "skip"),
  "retry-for": duration(),
  "attempt-timeout": duration(),
  token: secret(),
});

export const verifyInputs = declareInputs({
  ...subjects,
  "bundle-path": lines("paths or glob patterns, one per line"),
  "archive-path": lines("folders or glob patterns, one per line"),
  "trusted-root": text("a file path"),
  policy: text("a file path"),
  "source-repository": text("owner/name"),
  "source-repository-id": text("a number"),
  "source-ref": lines("full refs, one per line"),
  "source-digest": text("40 or 64 hex digits"),
  "signer-workflow": lines("workflows, one per line"),
  issuer: text("a URL"),
  trigger: lines("events, one per line"),
  "max-age": text("a duration such as `720h`"),
  runner: oneOf("any", "github-hosted"),
  "predicate-type": text("a URI"),
  "match-names": boolean(),
  online: boolean(),
  token: secret(),
});

export type MainInputs = Values<typeof mainInputs>;
export type VerifyInputs = Values<typeof verifyInputs>;

type Given = Record<string, unknown>;

const isGiven = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== "" && value !== null && value !== false;

/** Sentences for inputs that are given although another input makes them meaningless. */
function needless(values: Given, names: string[], when: string): string[] {
  return names.filter((name) => isGiven(values[name])).map((name) => `Input \`${name}\` goes only with ${when}.`);
}

function digestProblems(values: Given): string[] {
  const [digest, name] = [isGiven(values["subject-digest"]), isGiven(values["subject-name"])];
  return name && !digest ? ["Input `subject-name` goes only with `subject-digest`."] : [];
}

/** What contradicts itself among the inputs of `slsa-attest`. */
export function attestContradictions(values: MainInputs): string[] {
  const { predicate, sigstore } = values;
  const missing = (name: keyof MainInputs, when: string) =>
    isGiven(values[name]) ? [] : [`Input \`${name}\` is needed when ${when}.`];
  const when = (kind: string) => `\`predicate: ${kind}\``;
  return [
    ...digestProblems(values),
    ...(values["subject-digest"] && !values["subject-name"]
      ? ["Input `subject-name` is needed when `subject-digest` is given."]
      : []),
    ...(predicate === "sbom" ? missing("sbom-path", when("sbom")) : needless(values, ["sbom-path"], when("sbom"))),
    ...(predicate === "custom"
      ? [...missing("predicate-path", when("custom")), ...missing("predicate-type", when("custom"))]
      : needless(values, ["predicate-path", "predicate-type"], when("custom"))),
    ...(predicate === "custom" && values["predicate-type"] && !/^[a-z][a-z0-9+.-]*:\S+$/i.test(values["predicate-type"])
      ? ["Input `predicate-type` is no URI, such as https://example.org/review/v1."]
      : []),
    ...(predicate === "test-result"
      ? missing("segment", when("test-result"))
      : needless(values, ["plan", "segment"], when("test-result"))),
    ...(predicate === "provenance"
      ? []
      : needless(values, ["resolved-dependencies", "include-inputs"], when("provenance"))),
    ...(values.upload.includes("artifact") ? [] : needless(values, ["artifact-name"], "`upload: artifact`")),
    ...(values.upload.includes("release") ? [] : needless(values, ["release-tag"], "`upload: release`")),
    ...(sigstore === "custom"
      ? [
          ...missing("fulcio-url", "`sigstore: custom`"),
          ...(values["rekor-url"] || values["tsa-url"]
            ? []
            : ["`sigstore: custom` needs `rekor-url` or `tsa-url`, so that someone vouches for the time."]),
          ...(values["rekor-version"] === "2" && !values["tsa-url"]
            ? ["`rekor-version: 2` needs `tsa-url`, since that log vouches for no time."]
            : []),
        ]
      : needless(values, ["fulcio-url", "rekor-url", "tsa-url"], "`sigstore: custom`")),
    ...(["fulcio-url", "rekor-url", "tsa-url"] as const)
      .filter((name) => values[name] && !isUrl(values[name]))
      .map((name) => `Input \`${name}\` is no URL that begins with https:// (or http:// on this machine).`),
  ];
}

/** A token goes there, so nothing but TLS will do, except on the machine itself. */
function isUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || `${url.username}${url.password}` !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && /^(127\.0\.0\.1|localhost)$/.test(url.hostname));
}

/** Inputs that a policy file stands for. */
export const policyInputs = [
  "source-repository",
  "source-repository-id",
  "source-ref",
  "source-digest",
  "signer-workflow",
  "issuer",
  "trigger",
  "max-age",
] as const;

/** What contradicts itself among the inputs of `slsa-attest/verify`. */
export function verifyContradictions(values: VerifyInputs): string[] {
  const problems = digestProblems(values);
  const archives = values["archive-path"].length > 0;
  if (archives) {
    const others = ["subject-path", "subject-checksums", "subject-digest", "bundle-path", "online"];
    problems.push(
      ...others
        .filter((name) => isGiven((values as Given)[name]))
        .map((name) => `Input \`${name}\` does not go with \`archive-path\`: an archive says itself what is in it.`),
    );
  } else if (!["subject-path", "subject-checksums", "subject-digest"].some((name) => isGiven((values as Given)[name])))
    problems.push("One of `subject-path`, `subject-checksums` and `subject-digest` is needed.");
  if (values.policy !== "")
    problems.push(
      ...policyInputs
        .filter((name) => isGiven((values as Given)[name]))
        .map((name) => `Input \`${name}\` does not go with \`policy\`: write it in that file.`),
    );
  if (!archives && values["subject-path"].length === 0 && values["bundle-path"].length === 0 && !values.online)
    problems.push("Without `subject-path`, `bundle-path` is needed, or `online: true`.");
  return problems;
}
