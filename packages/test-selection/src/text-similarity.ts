/**
 * How alike the lines of a change and the text of a test file are: a test that speaks of what changed may break by it, also
 * where everything imports everything. As Saha, Zhang, Khurshid and Perry rank tests: An Information Retrieval Approach for
 * Regression Test Prioritization Based on Program Changes, ICSE 2015.
 */

/** How alike a file of tests and the changed lines are. */
export interface TextLikeness {
  /** Cosine of their identifiers, rare ones counting more; 0 to 1, in thousandths. */
  similarity: number;
  /** Up to three identifiers that say the most of it; none where only the record knows. */
  shared?: readonly string[];
}

/** Identifiers of at least three characters, with how often each is there. */
function identifiersIn(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of text.match(/[\p{L}_$][\p{L}\p{N}_$]{2,}/gu) ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/**
 * The files that share identifiers with the changed lines.
 * @param changed the lines that the change takes out and puts in
 * @param texts of the files of tests, by path; null for one that cannot be read, which may speak of all that changed
 */
export function textSimilarities(
  changed: string,
  texts: ReadonlyMap<string, string | null>,
): Map<string, TextLikeness> {
  const wanted = identifiersIn(changed);
  const files = new Map([...texts].map(([path, text]) => [path, text === null ? null : identifiersIn(text)]));
  const filesWith = new Map<string, number>();
  for (const identifiers of files.values())
    for (const name of identifiers?.keys() ?? []) filesWith.set(name, (filesWith.get(name) ?? 0) + 1);
  // What no file of tests has tells none from another. What all have, such as a keyword, hardly does.
  const rarity = new Map(filesWith.entries().map(([name, of]) => [name, Math.log((files.size + 1) / of)]));
  const weight = (name: string, count: number): number => (1 + Math.log(count)) * (rarity.get(name) ?? 0);
  const norm = (counts: Map<string, number>): number =>
    Math.sqrt(counts.entries().reduce((sum, [name, count]) => sum + weight(name, count) ** 2, 0));
  const changedNorm = norm(wanted);
  const found = new Map<string, TextLikeness>();
  for (const [path, identifiers] of files) {
    if (identifiers === null) {
      found.set(path, { similarity: 1 });
      continue;
    }
    const [fewer, more] = wanted.size < identifiers.size ? [wanted, identifiers] : [identifiers, wanted];
    const shared: [string, number][] = [];
    for (const [name, count] of fewer)
      if (more.has(name)) shared.push([name, weight(name, count) * weight(name, more.get(name)!)]);
    const product = shared.reduce((sum, [, part]) => sum + part, 0);
    const similarity = product === 0 ? 0 : Math.min(1, product / (changedNorm * norm(identifiers)));
    const thousandths = Math.round(similarity * 1000) / 1000;
    if (thousandths === 0) continue;
    const heaviest = shared.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 3);
    found.set(path, { similarity: thousandths, shared: heaviest.map(([name]) => name) });
  }
  return found;
}
