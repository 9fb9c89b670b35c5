/** From what a report says of a test's place to the file in the repository. */
import { lstatSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { MAX_PATH_LENGTH, normalisePath } from "@goatnote/ci-history";
import { goFolderOf, goModules } from "@goatnote/import-graph";

const code =
  /\.(?:[cm]?[jt]sx?|py|pyx|java|kts?|groovy|scala|go|rs|rb|php|cs|fs|vb|c|cc|cpp|cxx|h|hpp|mm?|swift|dart|[rR]|jl|exs?|cljc?|lua|pl|t|ps1|sh|bats|feature|robot|vue|svelte|ipynb)$/;

// What pytest reads examples from, besides modules.
const examples = /\.(?:md|rst|txt)$/;

export interface Place {
  /** The file, or the folder of a Go package; null where it cannot be told. */
  file: string | null;
  /** What is left of the class after the file: `TestX` of `pkg.test_a.TestX`. */
  rest: string;
}

/** Finds files by probing the list of those the repository has; without a list it believes what reports say. */
export class FileResolver {
  readonly #root: string;
  readonly #known: ReadonlySet<string> | undefined;
  readonly #byName = new Map<string, string[]>();
  readonly #byStem = new Map<string, string[]>();
  readonly #goFolders = new Set<string>();
  readonly #goTested = new Set<string>();
  #texts: ReadonlyMap<string, string[]> | undefined;
  #goModules: ReadonlyMap<string, string> | undefined;
  /** Parts of the longest known path: a longer end of a path is no known file. */
  #deepest = 0;

  /**
   * @param root the workspace, absolute.
   * @param files relative to it, with forward slashes, as `git ls-files` prints them; undefined when not known.
   */
  constructor(root: string, files?: readonly string[]) {
    this.#root = root;
    this.#known = files && new Set(files);
    for (const file of files ?? []) {
      this.#deepest = Math.max(this.#deepest, file.split("/").length);
      if (!code.test(file)) continue;
      const name = file.slice(file.lastIndexOf("/") + 1);
      push(this.#byName, name, file);
      push(this.#byStem, name.slice(0, name.lastIndexOf(".")), file);
      if (name.endsWith(".go")) this.#goFolders.add(posix.dirname(file));
      if (name.endsWith("_test.go")) this.#goTested.add(posix.dirname(file));
    }
  }

  /** A file that the report names. Paths relative to a folder below the root are found by their end. */
  named(path: string, report: string): string {
    const file = normalisePath(path, this.#root);
    if (!this.#known || this.#known.has(file)) return file;
    const parts = file.split("/").filter((part) => part !== "" && part !== "..");
    // Absolute in another workspace, such as a container's: its end is a known file.
    const absolute = file.startsWith("/") || /^[A-Za-z]:/.test(file);
    for (let i = Math.max(1, parts.length - this.#deepest); absolute && i < parts.length; i++) {
      const end = parts.slice(i).join("/");
      if (this.#known.has(end)) return end;
    }
    const end = `/${parts.join("/")}`;
    return (
      nearest(
        this.#byName.get(parts.at(-1) ?? "")?.filter((known) => known.endsWith(end)),
        report,
      ) ?? file
    );
  }

  /** True for text that is a file of the repository, or looks like one where the files are not known. */
  isFile(text: string, report: string): boolean {
    if (text.length > MAX_PATH_LENGTH || !code.test(text) || /[\r\n]/.test(text)) return false;
    return this.#known
      ? this.#known.has(this.named(text, report))
      : text.includes("/") || /\.(?:test|spec)\.\w+$/.test(text);
  }

  /**
   * The file of a class such as `pkg.test_a.TestX` (Python) or `org.x.FooTest$Inner` (Java): the longest begin of it
   * that is the end of a known file's path without extension.
   */
  ofClass(name: string, report: string): Place {
    const text = this.#ofText(name);
    if (text !== null) return { file: text, rest: "" };
    const parts = name.split(/[.$]|::/);
    for (let count = parts.length; count > 0; count--) {
      const wanted = parts.slice(0, count).join("/");
      const fits = (this.#byStem.get(parts[count - 1]!) ?? []).filter((file) => {
        const stem = file.slice(0, file.lastIndexOf("."));
        // The begin of a class alone proves a file only where its whole path agrees.
        return stem === wanted || (stem.endsWith(`/${wanted}`) && (count > 1 || count === parts.length));
      });
      const file = nearest(fits, report);
      if (file !== null) return { file, rest: parts.slice(count).join(".") };
      if (fits.length > 1) break;
    }
    return { file: null, rest: name };
  }

  /** The text whose examples pytest runs: `docs.index.md` is docs/index.md; null where it could be several. */
  #ofText(name: string): string | null {
    if (!examples.test(name)) return null;
    this.#texts ??= Map.groupBy(
      [...(this.#known ?? [])].filter((file) => examples.test(file)),
      (file) => file.replaceAll("/", "."),
    );
    const [file, ...others] = this.#texts.get(name) ?? [];
    return file !== undefined && others.length === 0 ? file : null;
  }

  /**
   * The folder of a Go package, `.` for the root, also of one without tests, which may not compile. Without any go.mod
   * the only folder with tests that its path ends in; null where that could be several.
   */
  ofGoPackage(name: string): string | null {
    this.#goModules ??= goModules([...(this.#known ?? [])], (file) => textOf(join(this.#root, file)));
    if (this.#goModules.size > 0) {
      const folder = goFolderOf(name, this.#goModules);
      return folder !== null && this.#goFolders.has(folder) ? folder : null;
    }
    const parts = name.split("/");
    const ends = parts.map((_, index) => parts.slice(index).join("/")).filter((end) => this.#goTested.has(end));
    if (this.#goTested.has(".") && parts[0]!.includes(".")) ends.push(".");
    return ends.length === 1 ? ends[0]! : null;
  }
}

const longestManifest = 1_000_000;

/** The text of a file of the checkout, which tests may have changed; null where it is none. */
function textOf(path: string): string | null {
  try {
    const facts = lstatSync(path);
    return facts.isFile() && facts.size <= longestManifest ? readFileSync(path, "utf8") : null;
  } catch {
    return null;
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** The only candidate, or the one that shares most folders with the report; null where two share as many. */
function nearest(candidates: readonly string[] | undefined, report: string): string | null {
  if (!candidates || candidates.length === 0) return null;
  if (candidates.length === 1) return candidates[0]!;
  const folders = report.split("/");
  const ranked = candidates
    .map((file) => {
      const parts = file.split("/");
      let shared = 0;
      while (shared < parts.length && parts[shared] === folders[shared]) shared++;
      return { file, shared };
    })
    .sort((a, b) => b.shared - a.shared);
  return ranked[0]!.shared > ranked[1]!.shared ? ranked[0]!.file : null;
}
