/** An archive: bundles as files, beside all that is needed to verify them in years, without us and without a network. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { SerializedBundle } from "@sigstore/bundle";
import type { Subject } from "./statement.ts";

/** A bundle and what it is about. */
export interface Attested {
  subjects: readonly Subject[];
  bundle: SerializedBundle;
}

export interface ArchiveOptions {
  folder: string;
  /** Which kind of attestation; it is part of the file names, unless it is `provenance`. */
  kind: string;
  predicateType: string;
  /** One file per bundle, named after its subject. */
  perSubject: boolean;
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
  /** All files. */
  files: string[];
}

/** Written as a whole or not at all. */
async function write(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  const partial = `${path}.${process.pid}.partial`;
  // Never through a link that lies there.
  await rm(partial, { force: true });
  await writeFile(partial, text, { flag: "wx" });
  await rename(partial, path);
  return path;
}

/** A file name that says which subject it is about. */
const stemOf = (name: string): string =>
  basename(name)
    .replace(/[^\w.+-]/g, "_")
    .replace(/^\.+/, "_")
    .slice(0, 150) || "artifact";

/** Names for all subjects, each once, and none that of the joint file: a second one of the same name gets a number. */
function stems(attested: readonly Attested[], reserved: string): string[] {
  // Some file systems take names for one that differ in upper and lower case only.
  const given = new Set([reserved.toLowerCase()]);
  const next = new Map<string, number>();
  return attested.map(({ subjects }) => {
    const stem = stemOf(subjects[0]!.name);
    let [name, number] = [stem, next.get(stem) ?? 2];
    while (given.has(name.toLowerCase())) name = `${stem}.${number++}`;
    next.set(stem, number);
    given.add(name.toLowerCase());
    return name;
  });
}

/** Writes the files of an archive. */
export async function writeArchive(attested: readonly Attested[], options: ArchiveOptions): Promise<Archive> {
  const { folder, kind, perSubject, trustedRoot } = options;
  await mkdir(folder, { recursive: true });
  const suffix = kind === "provenance" ? "" : `.${kind}`;
  const lines = attested.map(({ bundle }) => `${JSON.stringify(bundle)}\n`);
  const subjects = attested.flatMap((each) => each.subjects);
  const together = subjects.length === 1 ? stemOf(subjects[0]!.name) : "multiple";
  const all = await write(folder, `${together}${suffix}.intoto.jsonl`, lines.join(""));
  const bundles = [all];
  const names =
    perSubject && attested.length > 1
      ? stems(attested, together)
      : attested.map((_, index) => `${together}${attested.length > 1 ? `.${index + 1}` : ""}`);
  for (const [index, name] of names.entries()) {
    bundles.push(await write(folder, `${name}${suffix}.sigstore.json`, lines[index]!));
    if (perSubject && attested.length > 1)
      bundles.push(await write(folder, `${name}${suffix}.intoto.jsonl`, lines[index]!));
  }
  if (attested.length > 1)
    bundles.push(await write(folder, `${together}${suffix}.index.json`, indexOf(attested, basename(all))));
  const files = [...bundles];
  if (trustedRoot !== undefined) files.push(await write(folder, "trusted_root.json", trustedRoot));
  const sums = subjects.flatMap(({ name, digest }) => (digest.sha256 ? [checksumLine(digest.sha256, name)] : []));
  if (sums.length > 0) files.push(await write(folder, "SHA256SUMS", sums.join("")));
  const commands = instructions(attested, `${names[0]}${suffix}.sigstore.json`, options);
  files.push(await write(folder, `VERIFY${suffix}.md`, commands));
  return { all, bundles, files };
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

/** The commands that verify the first subject; a reader puts in the others' names. */
function instructions(attested: readonly Attested[], bundle: string, options: ArchiveOptions): string {
  const { signer, issuer, sourceRepository, predicateType, trustedRoot, hasLog, hasTimestamp } = options;
  const artifact = attested[0]!.subjects[0]!.name;
  const repository = sourceRepository.replace(/^https?:\/\/[^/]+\//, "");
  const root = trustedRoot === undefined ? "" : " --trusted-root trusted_root.json";
  const witnesses = `${hasLog ? "" : " --insecure-ignore-tlog"}${hasTimestamp ? " --use-signed-timestamps" : ""}`;
  return `# Verify

These attestations say that the artifacts in \`SHA256SUMS\` were made by the workflow

    ${signer}

Put the artifact beside these files. Each command fails unless the artifact is the one that was attested, by that workflow.

With [cosign](https://github.com/sigstore/cosign) 3${root ? ", which needs no network for it" : ""}:

\`\`\`sh
cosign verify-blob-attestation --bundle ${quoted(bundle)}${root}${witnesses} \\
  --type ${quoted(predicateType)} --certificate-identity ${quoted(signer)} \\
  --certificate-oidc-issuer ${quoted(issuer)} ${quoted(artifact)}
\`\`\`

With [GitHub's CLI](https://cli.github.com):

\`\`\`sh
gh attestation verify ${quoted(artifact)} --bundle ${quoted(bundle)}${root.replace("--trusted-root", "--custom-trusted-root")} \\
  --repo ${quoted(repository)} --cert-identity ${quoted(signer)} --predicate-type ${quoted(predicateType)}
\`\`\`
`;
}
