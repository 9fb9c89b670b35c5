/** Where a JUnit case belongs: its file, class path, own name and parameters, by the rules of the runner's dialect. */
import { splitParam, testIds } from "@goatnote/ci-history";
import { type Dialect, paramDialects, separators } from "./junit-dialect.ts";
import { own } from "./own.ts";
import type { FileResolver } from "./resolve-file.ts";
import { bounded } from "./storable.ts";

/** What the report says of a case's place. */
export interface Said {
  name: string;
  className: string;
  /** The `file` attribute of the case, else of the innermost suite that has one. */
  file: string;
  /** Names of the suites around it, outermost first. */
  suites: readonly string[];
}

export interface Placed {
  id: string;
  file: string | null;
  param: string | undefined;
}

/** What cases of one class share, and what the report said of it. */
interface Cached {
  className: string;
  said: string;
  blocks: string;
  suites: string;
  file: string | null;
  id(name: string): string;
}

interface Where {
  file: string | null;
  module?: string;
  classPath: string[];
}

const jvm = /\.(?:java|kts?|groovy|scala)$/;

/** Places cases of one report. What cases of one class share is computed once. */
export class JUnitPlaces {
  readonly #resolver: FileResolver;
  readonly #root: string;
  readonly #report: string;
  readonly #limit: number;
  readonly #cache = new Map<string, Cached>();
  #latest: Cached | undefined;

  constructor(resolver: FileResolver, root: string, report: string, nameLimit: number) {
    this.#resolver = resolver;
    this.#root = root;
    this.#report = report;
    this.#limit = nameLimit;
  }

  place(said: Said, dialect: Dialect): Placed {
    // jest-junit puts an empty block before titles without one.
    const whole = dialect === "jest" ? said.name.trim() : said.name;
    const { name, param } = splitParam(this.#cut(whole), paramDialects[dialect] ?? "none");
    const separator = separators[dialect];
    const at = separator === undefined ? -1 : name.lastIndexOf(separator);
    const blocks = at < 0 ? "" : name.slice(0, at);
    const title = at < 0 ? name : name.slice(at + separator!.length);
    // ctest and jest-junit repeat the name as class, which says nothing; vitest where a file itself failed, which is its class.
    const className = said.className === said.name && dialect !== "vitest" ? "" : said.className;
    // A module that pytest could not import is a case of that name, without a class.
    const inSuites =
      dialect === "pytest" && className === ""
        ? whole
        : dialect === "node" || className === ""
          ? said.suites.join("\0")
          : "";
    let place = this.#latest;
    // Cases of one class follow each other.
    if (
      place?.className !== className ||
      place.said !== said.file ||
      place.blocks !== blocks ||
      place.suites !== inSuites
    ) {
      const key = [className, said.file, blocks, inSuites].join("\0\0");
      place = this.#cache.get(key);
      if (!place) {
        const where = this.#where(
          { ...said, className: this.#cut(className), suites: said.suites.map((suite) => this.#cut(suite)) },
          dialect,
        );
        if (blocks !== "") where.classPath.push(...blocks.split(separator!));
        place = {
          className: own(className),
          said: own(said.file),
          blocks: own(blocks),
          suites: inSuites,
          file: where.file && own(where.file),
          id: testIds(where.module === undefined ? where : { module: where.module }, this.#root),
        };
        if (this.#cache.size >= 10_000) this.#cache.clear();
        this.#cache.set(key, place);
      }
      this.#latest = place;
    }
    return { id: place.id(title), file: place.file, param: param && own(param) };
  }

  /** Bounds a name; what is cut off is told apart by its digest. */
  #cut(text: string): string {
    return text.length <= this.#limit ? text : bounded(text, this.#limit);
  }

  #where(said: Said, dialect: Dialect): Where {
    const { className, suites } = said;
    const named = said.file !== "" ? this.#resolver.named(said.file, this.#report) : null;
    switch (dialect) {
      case "node":
        return { file: named, classPath: suites.filter((suite) => suite !== "") };
      case "ctest":
        return { file: named, classPath: [] };
      case "vitest":
      case "playwright":
        return { file: named ?? this.#resolver.named(className, this.#report), classPath: [] };
      case "go": {
        const name = className || (suites.at(-1) ?? "");
        // The import path is the identity: it is there with and without the checkout.
        return asModule(name, this.#resolver.ofGoPackage(name));
      }
      case "nextest":
        return asModule(className, named);
      default:
        return this.#fromClass(said, named, dialect);
    }
  }

  #fromClass(said: Said, named: string | null, dialect: Dialect): Where {
    const { className, suites } = said;
    const isFile = (text: string) => this.#resolver.isFile(text, this.#report);
    if (className !== "" && isFile(className))
      return { file: named ?? this.#resolver.named(className, this.#report), classPath: [] };
    const suiteFile = named === null ? suites.findLast(isFile) : undefined;
    const file = named ?? (suiteFile === undefined ? null : this.#resolver.named(suiteFile, this.#report));
    if (className === "" && dialect === "pytest")
      return { file: file ?? this.#resolver.ofClass(said.name, this.#report).file, classPath: [] };
    if (className === "") {
      const rest = dialect === "jest" ? [] : suites.filter((suite) => suite !== suiteFile && suite !== "");
      return { file, classPath: rest };
    }
    const rest =
      file === null ? this.#resolver.ofClass(className, this.#report) : { file, rest: afterFile(className, file) };
    if (rest.file === null && dialect === "pytest") return { file: null, module: className, classPath: [] };
    if (rest.file === null || jvm.test(rest.file)) return { file: rest.file, classPath: className.split("$") };
    return { file: rest.file, classPath: rest.rest.split(".") };
  }
}

/** An id under the module, beside a file that is known without being part of it. */
function asModule(module: string, file: string | null): Where {
  return { file, module, classPath: [] };
}

/** `TestX` of class `tests.test_a.TestX` in `x/tests/test_a.py`; the class itself where it does not name the file. */
function afterFile(className: string, file: string): string {
  const parts = className.split(".");
  const stem = file.replace(/\.[^./]*$/, "");
  for (let count = parts.length; count > 0; count--) {
    if (`/${stem}`.endsWith(`/${parts.slice(0, count).join("/")}`)) return parts.slice(count).join(".");
  }
  return className;
}
