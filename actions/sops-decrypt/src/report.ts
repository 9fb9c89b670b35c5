/** What the reader sees of a decryption: files, names and counts, never a value. */
import { code, plain, table } from "@goatnote/action-io";
import type { OpenedFile } from "./decrypt-files.ts";
import type { Named } from "./names.ts";

const went: Record<string, string> = {
  none: "checked, and given to nothing",
  env: "set as variables for the steps that follow",
  outputs: "set as outputs of this step",
  file: "written to a file for this user alone",
};
const shownNames = 200;

/** The job summary. */
export function summarise({
  files,
  named,
  kind,
  file,
}: {
  files: readonly OpenedFile[];
  named: readonly Named[];
  kind: string;
  file: string | null;
}): string {
  const rows = files.map(({ path, format, encrypted, documents }) => [
    code(path),
    format,
    String(encrypted.size),
    String(documents.length),
  ]);
  const names = named.slice(0, shownNames).map(({ name }) => code(name));
  const more = named.length > shownNames ? ` and ${named.length - shownNames} more` : "";
  return [
    `### ${files.length === 1 ? "One file was" : `${files.length} files were`} decrypted and verified\n`,
    table(["file", "format", "encrypted values", "documents"], rows),
    kind === "none" || kind === "file"
      ? `The values were ${went[kind]}.\n`
      : `${named.length} values were ${went[kind]}: ${names.join(", ")}${more}.\n`,
    file === null ? "" : `\nThe file ${code(file)} is removed when the job ends.\n`,
    `\n${plain("Verified: every encrypted value, its place and their order. Not verified: who wrote the file; names of values that are not encrypted.")}\n`,
  ].join("");
}
