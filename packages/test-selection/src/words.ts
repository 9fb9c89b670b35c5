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

/** What a path says by its parts. */
export interface PathParts {
  /** The folders above it, nearest first: of `a/b/c.py` `a/b`, `a`. */
  folders: string[];
  /** Its first two parts. */
  top: string;
  /** What the file is about, by its name: `tests/test_matrix.py`, `MatrixTest.java` and `src/matrix.py` have one stem. */
  stem: string;
}

// The same files are asked for in every run.
const known = new Map<string, PathParts>();

/** The parts of a path; the same object each time. */
export function partsOf(path: string): PathParts {
  const parts = known.get(path) ?? readParts(path);
  known.set(path, parts);
  return parts;
}

const mostFolders = 64;

function readParts(path: string): PathParts {
  const parts = path.split("/");
  // No project has deeper folders; a path made to have thousands would cost their square.
  const above = parts.slice(0, -1).slice(0, mostFolders);
  const name = parts.at(-1)!.toLowerCase();
  return {
    folders: above.map((_, index) => above.slice(0, above.length - index).join("/")),
    top: parts.slice(0, 2).join("/"),
    stem: name.replace(/\.(test|spec)\..*$|\.[^.]*$/, "").replace(/^test[_-]?|[_-]?(tests?|spec|suite)$/g, ""),
  };
}
