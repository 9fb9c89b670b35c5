/**
 * What the actions are made of, as CycloneDX 1.6: each action of `dist/`, and each package that its bundle holds, with its
 * licence and the digest by which npm installed it. The same sources give the same file. `npm sbom` would list what tests need,
 * and not which action holds what.
 *
 *   node scripts/sbom.ts <file>
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";

interface Locked {
  version?: string;
  integrity?: string;
  /** Where it is installed under another name. */
  name?: string;
}

interface Component {
  type: "application" | "library";
  "bom-ref": string;
  name: string;
  version: string;
  purl: string;
  licenses?: { expression: string }[];
  hashes?: { alg: string; content: string }[];
}

/** Packages by `name@version`, with the digest of what was downloaded in hex. */
function lockedPackages(lock: { packages: Record<string, Locked> }): Map<string, string> {
  const found = Object.entries(lock.packages).flatMap(([path, { version, integrity = "", name }]) => {
    const sha512 = /^sha512-(\S+)$/.exec(integrity)?.[1];
    const called = name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    return sha512 && version ? [[`${called}@${version}`, Buffer.from(sha512, "base64").toString("hex")] as const] : [];
  });
  return new Map(found);
}

/** Name, version and licence of each package that a bundle's `licences.txt` (scripts/licences.ts) is about. */
function bundled(licences: string): { name: string; version: string; licence: string }[] {
  const sections = licences.split(`\n${"-".repeat(80)}\n\n`).filter((section) => section.trim() !== "");
  return sections.map((section) => {
    const [, name, version, licence] = /^(\S+) (\S+)\n(.*)\n/.exec(section) ?? [];
    if (!name || !version || licence === undefined)
      throw new Error(`A section of licences.txt does not begin with a package: ${section.slice(0, 80)}`);
    return { name, version, licence };
  });
}

/**
 * @param root a checkout with `dist/`
 * @returns the document, as JSON
 * @throws Error for a package that the lock file does not have
 */
export function sbom(root: string): string {
  const read = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");
  const locked = lockedPackages(JSON.parse(read("package-lock.json")));
  const components = new Map<string, Component>();
  const dependencies: { ref: string; dependsOn: string[] }[] = [];
  const actions = globSync("dist/*/action.yml", { cwd: root }).map((file) => file.split(sep)[1]!);
  for (const action of actions.sort()) {
    const { version } = JSON.parse(read("actions", action, "package.json")) as { version: string };
    const ref = `pkg:github/goatnote/${action}@v${version}`;
    const packages = bundled(read("dist", action, "licences.txt")).map(({ name, version, licence }): Component => {
      const digest = locked.get(`${name}@${version}`);
      if (!digest) throw new Error(`${action} holds ${name} ${version}, which package-lock.json does not have.`);
      const purl = `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
      const licenses = /^no licence/.test(licence) ? {} : { licenses: [{ expression: licence }] };
      const hashes = [{ alg: "SHA-512", content: digest }];
      return { type: "library", "bom-ref": purl, name, version, purl, ...licenses, hashes };
    });
    components.set(ref, { type: "application", "bom-ref": ref, name: action, version, purl: ref });
    for (const each of packages) components.set(each["bom-ref"], each);
    dependencies.push({ ref, dependsOn: packages.map(({ purl }) => purl).sort() });
  }
  const name = "goatnote-actions";
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": name, name } },
    components: [...components.values()].sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1)),
    dependencies: [{ ref: name, dependsOn: dependencies.map(({ ref }) => ref) }, ...dependencies],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

if (import.meta.main) {
  const [file] = process.argv.slice(2);
  if (!file) throw new Error("usage: node scripts/sbom.ts <file>");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, sbom(dirname(import.meta.dirname)));
}
