/** An archive: bundles as files, beside all that is needed to verify them in years, without us and without a network. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { SerializedBundle } from "@sigstore/bundle";
import { attestedBeside, writeTogether } from "./archive-folder.ts";
import type { Subject } from "./statement.ts";
import { chunks, MAX_SUBJECTS } from "./subjects.ts";

/** A bundle and what it is about. */
export interface Attested {
  subjects: readonly Subject[];
  bundle: SerializedBundle;
}

/** Where bundles are kept, and how their files are named. */
export interface ArchivePlace {
  folder: string;
  /** Which kind of attestation; it is part of the file names, unless it is `provenance`. */
  kind: string;
  predicateType: string;
  /** One file per bundle, named after its subject. */
  perSubject: boolean;
}

export interface ArchiveOptions extends ArchivePlace {
  /** The text of the trusted root, where it is known. */
  trustedRoot?: string;
  /** The signer and issuer in the certificate, for the commands. */
  signer: string;
  issuer: string;
  sourceRepository: string;
  hasLog: boolean;
  hasTimestamp: boolean;
}

export interface Archive {
  /** The file with all bundles, one per line. */
  all: string;
  /** Every file with bundles, and their index. */
  bundles: string[];
  /** All files that were written. */
  files: string[];
  /** The checksums of these bundles' artifacts alone: in the folder, those of earlier steps are among them. */
  sums: string;
}

/** A file name that says which subject it is about. */
const stemOf = (name: string): string =>
  basename(name)
    .replace(/[^\w.+-]/g, "_")
    .replace(/^\.+/, "_")
    .slice(0, 150) || "artifact";

/** Names for all subjects, each once, and none that of the joint file: a second one of the same name gets a number. */
function stems(parts: readonly (readonly Subject[])[], reserved: string): string[] {
  // Some file systems take names for one that differ in upper and lower case only.
  const given = new Set([reserved.toLowerCase()]);
  const next = new Map<string, number>();
  return parts.map((subjects) => {
    const stem = stemOf(subjects[0]!.name);
    let [name, number] = [stem, next.get(stem) ?? 2];
    while (given.has(name.toLowerCase())) name = `${stem}.${number++}`;
    next.set(stem, number);
    given.add(name.toLowerCase());
    return name;
  });
}

/** The names of an archive's files. */
function namesOf(parts: readonly (readonly Subject[])[], { kind, perSubject }: ArchivePlace) {
  const suffix = kind === "provenance" ? "" : `.${kind}`;
  const several = parts.length > 1;
  const together = several || parts[0]!.length > 1 ? "multiple" : stemOf(parts[0]![0]!.name);
  const each =
    perSubject && several ? stems(parts, together) : parts.map((_, at) => `${together}${several ? `.${at + 1}` : ""}`);
  return {
    all: `${together}${suffix}.intoto.jsonl`,
    index: `${together}${suffix}.index.json`,
    verify: `VERIFY${suffix}.md`,
    single: each.map((name) => `${name}${suffix}.sigstore.json`),
    // Where there is one for each subject; else they are in the joint one only.
    lines: perSubject && several ? each.map((name) => `${name}${suffix}.intoto.jsonl`) : [],
  };
}

/**
 * The artifacts that earlier steps' bundles in the folder are about, beside these.
 * @throws UserError where bundles for these subjects would overwrite or contradict them. Asked before signing, nothing is lost
 */
export async function alreadyAttested(subjects: readonly Subject[], place: ArchivePlace): Promise<Subject[]> {
  const { all, lines } = namesOf(chunks(subjects, place.perSubject ? 1 : MAX_SUBJECTS), place);
  const { folder, predicateType } = place;
  return attestedBeside(folder, { subjects, predicateType, files: new Set([all, ...lines]) });
}

/** Writes the files of an archive, all or none. What earlier steps left in the folder stays, with its checksums. */
export async function writeArchive(attested: readonly Attested[], options: ArchiveOptions): Promise<Archive> {
  const { folder, trustedRoot } = options;
  const subjects = attested.flatMap((each) => each.subjects);
  const beside = await alreadyAttested(subjects, options);
  const parts = attested.map((each) => each.subjects);
  const names = namesOf(parts, options);
  const lines = attested.map(({ bundle }) => `${JSON.stringify(bundle)}\n`);
  const bundles = new Map<string, string | undefined>([[names.all, lines.join("")]]);
  for (const [index, line] of lines.entries()) {
    bundles.set(names.single[index]!, line);
    if (names.lines[index] !== undefined) bundles.set(names.lines[index], line);
  }
  // An earlier one would name lines that are gone.
  bundles.set(names.index, attested.length > 1 ? indexOf(attested, names.all) : undefined);
  const files = new Map(bundles);
  const root = await rootName(options);
  if (trustedRoot !== undefined) files.set(root, trustedRoot);
  files.set(names.verify, instructions(attested, { bundle: names.single[0]!, root }, options));
  const sums = checksums(subjects);
  // Last: it says what the others attest.
  const allSums = checksums([...beside, ...subjects]);
  if (allSums !== "") files.set("SHA256SUMS", allSums);
  const written = await writeTogether(folder, files);
  const all = join(folder, names.all);
  return { all, bundles: written.filter((path) => bundles.has(basename(path))), files: written, sums };
}

/** The file for the trusted root: one of the kind's own where an earlier step's was signed under another root. */
async function rootName({ folder, kind, trustedRoot }: ArchiveOptions): Promise<string> {
  const name = "trusted_root.json";
  const there = await readFile(join(folder, name), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return trustedRoot;
  });
  return there === trustedRoot ? name : `trusted_root.${kind}.json`;
}

function checksums(subjects: readonly Subject[]): string {
  const lines = subjects.flatMap(({ name, digest }) => (digest.sha256 ? [checksumLine(digest.sha256, name)] : []));
  return lines.join("");
}

/** As `sha256sum` writes it: a name with a line break or backslash is escaped, and the line says so. */
function checksumLine(hex: string, name: string): string {
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === name ? "" : "\\"}${hex}  ${escaped}\n`;
}

/** Which line holds the bundle of a digest, counted from 1. */
function indexOf(attested: readonly Attested[], file: string): string {
  const entries = attested.flatMap(({ subjects }, index) =>
    subjects.flatMap(({ digest }) =>
      Object.entries(digest).map(([algorithm, hex]) => [`${algorithm}:${hex}`, index + 1] as const),
    ),
  );
  return `${JSON.stringify({ file, lines: Object.fromEntries(entries) }, null, 1)}\n`;
}

/** For a shell, and on one line: a line break would end the block of the page. */
const quoted = (text: string): string => `'${text.replace(/\p{Cc}/gu, "?").replaceAll("'", "'\\''")}'`;

/** The one that `gh` expects unless it is told another. */
const gitHubIssuer = "https://token.actions.githubusercontent.com";

/** The commands that verify the first subject; a reader puts in the others' names. */
function instructions(
  attested: readonly Attested[],
  { bundle, root }: { bundle: string; root: string },
  options: ArchiveOptions,
): string {
  const { signer, issuer, sourceRepository, predicateType, trustedRoot, hasLog, hasTimestamp } = options;
  const artifact = attested[0]!.subjects[0]!.name;
  const repository = sourceRepository.replace(/^https?:\/\/[^/]+\//, "");
  const missing =
    trustedRoot === undefined
      ? `\nThe file \`${root}\` is not here: the root of the authorities that signed was not known then. Of GitHub's own Sigstore, \`gh attestation trusted-root\` prints it, one root per line; save the line with GitHub's authority as \`${root}\`. Of another, ask who runs it.\n`
      : "";
  const otherIssuer = issuer === gitHubIssuer ? "" : ` --cert-oidc-issuer ${quoted(issuer)}`;
  const witnesses = `${hasLog ? "" : " --insecure-ignore-tlog"}${hasTimestamp ? " --use-signed-timestamps" : ""}`;
  return `# Verify

These attestations, of the type \`${predicateType.replace(/[`\p{Cc}]/gu, "?")}\`, are about artifacts in \`SHA256SUMS\`. They were made by the workflow

    ${signer}

Put the artifact beside these files. Each command fails unless the artifact is the one that was attested, by that workflow.
${missing}
With [cosign](https://github.com/sigstore/cosign) 3, which needs no network for it:

\`\`\`sh
cosign verify-blob-attestation --bundle ${quoted(bundle)} --trusted-root ${root}${witnesses} \\
  --type ${quoted(predicateType)} --certificate-identity ${quoted(signer)} \\
  --certificate-oidc-issuer ${quoted(issuer)} ${quoted(artifact)}
\`\`\`

With [GitHub's CLI](https://cli.github.com):

\`\`\`sh
gh attestation verify ${quoted(artifact)} --bundle ${quoted(bundle)}${trustedRoot === undefined ? "" : ` --custom-trusted-root ${root}`} \\
  --repo ${quoted(repository)} --cert-identity ${quoted(signer)}${otherIssuer} \\
  --predicate-type ${quoted(predicateType)}
\`\`\`
`;
}
