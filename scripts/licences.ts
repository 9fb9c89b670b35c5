/** Licence texts of everything inside a bundle. ncc's own list misses almost all of an ESM bundle, so it is made from the bundled files. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Manifest {
  name?: string;
  version?: string;
  license?: string | { type?: string };
  author?: string | { name?: string };
}

/** The nearest folder above `file` whose package.json names a package, or null for files of this repository. */
function packageOf(file: string): string | null {
  if (!file.includes("node_modules")) return null;
  for (let folder = dirname(file); folder.includes("node_modules"); folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, "utf8")) as Manifest).version) return folder;
  }
  return null;
}

/**
 * Writes one section per bundled package: name, version, SPDX id, and its licence file, or its author where it ships none.
 * @param files absolute paths of the bundled files
 * @param to the file to write
 */
export function writeLicences(files: string[], to: string): void {
  const sections = new Map<string, string>();
  for (const folder of new Set(files.map(packageOf))) {
    if (folder === null) continue;
    const { name, version, license, author } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    ) as Manifest;
    const id = typeof license === "string" ? license : (license?.type ?? "no licence stated");
    const texts = readdirSync(folder)
      .filter((file) => /^(licen[cs]e|copying|notice)([-.]|$)/i.test(file))
      .sort();
    const body = texts
      .map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim())
      .join("\n\n");
    const holder = typeof author === "string" ? author : (author?.name ?? "its contributors");
    sections.set(
      `${name}@${version}`,
      `${name} ${version}\n${id}\n\n${body || `Ships no licence file. By ${holder}.`}\n`,
    );
  }
  const sorted = [...sections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  writeFileSync(to, sorted.join(`\n${"-".repeat(80)}\n\n`));
}
