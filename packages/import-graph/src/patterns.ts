/** Files by a part of their paths: by a pattern, in a folder, near to another. */

/** A name that more files have means none of them. */
export const mostOfOneName = 1_000;

/** The files in a folder and in those below it, in the order of `files`. */
export function filesBelow(files: ReadonlySet<string>): (folder: string) => readonly string[] {
  // The latest alone: lists of folders within folders would hold each file many times.
  let latest: { folder: string; found: readonly string[] } | undefined;
  return (folder) => {
    if (latest?.folder !== folder) latest = { folder, found: [...files].filter((path) => within(path, folder)) };
    return latest.found;
  };
}

/** Whether a path is in a folder or below it; `.` is the root. */
export const within = (path: string, folder: string): boolean => folder === "." || path.startsWith(`${folder}/`);

/**
 * Whether a path is one of a glob pattern. What is between its first and its last wildcard is not looked at, beside how many
 * folders it has: more may match, and no pattern is slow.
 */
export function matcher(pattern: string): (path: string) => boolean {
  const first = pattern.search(/[*?[{(]/);
  if (first < 0) return (path) => path === pattern;
  const [start, end] = [pattern.slice(0, first), pattern.match(/[^*?\]})]*$/)![0]];
  const segments = /\*\*|[{(]/.test(pattern) ? null : pattern.split("/").length;
  return (path) =>
    path.startsWith(start) && path.endsWith(end) && (segments === null || path.split("/").length === segments);
}

/** How many folders two paths begin with in common. */
export function sharedDepth(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  const at = left.findIndex((name, index) => name !== right[index]);
  return at < 0 ? left.length : at;
}
