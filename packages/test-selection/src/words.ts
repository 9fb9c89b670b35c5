/** Words in paths and names, for telling that a test is about a file. */

// Words that nearly every path or test has; sharing them says nothing.
const empty = new Set([
  "test",
  "tests",
  "spec",
  "specs",
  "suite",
  "src",
  "lib",
  "main",
  "index",
  "init",
  "py",
  "js",
  "ts",
  "tsx",
  "jsx",
  "mjs",
  "cjs",
  "mts",
  "cts",
  "java",
  "scala",
  "kt",
  "go",
  "rs",
  "cpp",
  "hpp",
  "rb",
  "org",
  "com",
  "io",
  "the",
  "and",
  "of",
  "is",
  "it",
]);

/** Lower-case words of a path or name: split at punctuation, at case changes and between letters and digits; each once. */
export function words(text: string): Set<string> {
  const parts = text
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u);
  return new Set(parts.filter((word) => word.length > 1 && !empty.has(word)));
}

/** The folders above a path, nearest first: `a/b/c.py` gives `a/b`, `a`. */
export function folders(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
}

/** What a file is about, by its name: `tests/test_matrix.py`, `MatrixTest.java` and `src/matrix.py` have one stem. */
export function stem(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return name.replace(/\.(test|spec)\..*$|\.[^.]*$/, "").replace(/^test[_-]?|[_-]?(tests?|spec|suite)$/g, "");
}
