/** Files of the repository that a source names in strings: test data, templates, programs that it starts. */
import { posix } from "node:path";
import { filesBelow, mostOfOneName, sharedDepth } from "./patterns.ts";

// Of a template what follows its last value.
const literal = /"([^"\\\n]{1,200})"|'([^'\\\n]{1,200})'|`(?:[^`\\\n]{0,500}\})?([^`\\\n}]{1,200})`/g;
const begun = /`([^`$\\\n]{1,200})\/\$\{/g;
const path = /^[\w@.~+/ -]*[\w@~+-]\/?$/;
const dataOfTests = /(?:^|\/)(?:tests?|__tests__|specs?|testing|testdata|fixtures?)(?:\/|$)/i;
const testName = /(?:^|[/._-])(?:test|spec)s?[._-][^/]*$|_test\.go$/i;
const ofTests = new RegExp(`(?:^|/)(?:tests?|__tests__|specs?|testing)/|${testName.source}`, "i");
const mostBelow = 1_000;

/**
 * Says which files a text names.
 *
 * - `"data/a.json"`, with `./` or `../` or without: the file whose path ends so, of several the nearest
 * - `"a.json"`: one beside the source, or in a folder whose name is in another string: `join(here, "data", "a.json")`
 * - in a test a folder beside it of which it names no file, `"data"` or `` `data/${name}` ``: all that is below
 *
 * @param spend counts what is looked through
 */
export function namedFiles(
  files: ReadonlySet<string>,
  spend: (steps: number) => void = () => {},
): (from: string, text: string) => Set<string> {
  const byName = Map.groupBy(files, (file) => posix.basename(file));
  const byEnd = Map.groupBy(files, endOf);
  const folders = new Set([...files].map((file) => posix.dirname(file)));
  const below = filesBelow(files);
  return (from, text) => {
    const own = posix.dirname(from);
    const names = new Set<string>();
    for (const [, a, b, c] of text.matchAll(literal)) {
      const name = (a ?? b ?? c)!;
      if (path.test(name)) names.add(name.replace(/\/$/, ""));
    }
    for (const [, folder] of text.matchAll(begun)) if (path.test(folder!)) names.add(folder!);
    const parts = new Set([...names].flatMap((name) => name.split("/")));
    const found = new Set<string>();
    for (const name of names) {
      const bare = name.replace(/^(?:\.{0,2}\/)+/, "");
      const alike = (bare.includes("/") ? byEnd.get(endOf(bare)) : byName.get(bare)) ?? [];
      spend(1);
      if (alike.length > mostOfOneName) continue;
      const meant = alike.filter((file) => {
        const folder = posix.dirname(file);
        if (file === from) return false;
        if (bare.includes("/")) return `/${file}`.endsWith(`/${bare}`);
        return folder === own ? bare.includes(".") : parts.has(posix.basename(folder));
      });
      const depths = meant.map((file) => sharedDepth(own, posix.dirname(file)));
      const nearest = Math.max(...depths);
      for (const [index, file] of meant.entries()) if (depths[index] === nearest) found.add(file);
    }
    if (ofTests.test(from))
      for (const name of names) {
        const folder = posix.join(own, name);
        if (folder === own || own.startsWith(`${folder}/`) || !folders.has(folder)) continue;
        if (!folder.startsWith(`${own}/`) && !dataOfTests.test(folder)) continue;
        spend(1);
        const inside = below(folder);
        const isData = inside.length <= mostBelow && !inside.some((file) => found.has(file) || testName.test(file));
        if (isData) for (const file of inside) found.add(file);
      }
    return found;
  };
}

/** The last two names of a path. */
const endOf = (file: string): string => file.split("/").slice(-2).join("/");
