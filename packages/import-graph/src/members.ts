/** What a text takes of each name with a dot: of `np.linalg.norm` `linalg` of `np`, and `norm` of `np.linalg`. */
export type Members = ReadonlyMap<string, ReadonlySet<string>>;

const chain = /(?<![\w$.])[\w$]+(?:\s*\.\s*[\w$]+)+/g;
const deepest = 5;

/** Reads a text once, whatever language it is in. */
export function membersIn(text: string): Members {
  const found = new Map<string, Set<string>>();
  for (const [whole] of text.matchAll(chain)) {
    const parts = whole.split(".", deepest + 1).map((part) => part.trim());
    for (let end = 1; end < parts.length; end += 1) {
      const name = parts.slice(0, end).join(".");
      const members = found.get(name);
      if (members) members.add(parts[end]!);
      else found.set(name, new Set([parts[end]!]));
    }
  }
  return found;
}
