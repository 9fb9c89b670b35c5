/**
 * How alike the lines of a change and the text of a test file are: a test that speaks of what changed may break by it, also
 * where everything imports everything. As Saha, Zhang, Khurshid and Perry rank tests: An Information Retrieval Approach for
 * Regression Test Prioritization Based on Program Changes, ICSE 2015; here for each changed file by itself, so that another
 * file in the change makes no test less alike.
 */

/** How alike a file of tests and the changed lines are. */
export interface TextLikeness {
  /** Cosine of its identifiers and those of the changed file that it is most like, rare ones counting more; 0 to 1, in thousandths. */
  similarity: number;
  /** Up to three identifiers that say the most of it; none where only the record knows. */
  shared?: readonly string[];
}

// What real projects of twenty million characters have, in a few seconds.
const mostIdentifiers = 1_000_000;
const mostMeetings = 50_000_000;

/** Identifiers of three to a hundred characters, with how often each is there. */
function identifiersIn(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  // A longer one, which no person writes, is taken in pieces.
  for (const name of text.match(/[\p{L}_$][\p{L}\p{N}_$]{2,99}/gu) ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/**
 * The files that share identifiers with the changed lines.
 * @param changed the lines that the change takes out and puts in, of each file that it changes
 * @param texts of the files of tests, by path; null for one that cannot be read, which may speak of all that changed
 * @returns null where there are too many identifiers to compare
 */
export function textSimilarities(
  changed: readonly string[],
  texts: ReadonlyMap<string, string | null>,
): Map<string, TextLikeness> | null {
  const found = new Map<string, TextLikeness>();
  const files: { path: string; identifiers: Map<string, number> }[] = [];
  let identifiers = 0;
  const countsOf = (text: string): Map<string, number> => {
    const counts = identifiers > mostIdentifiers ? new Map<string, number>() : identifiersIn(text);
    identifiers += counts.size;
    return counts;
  };
  for (const [path, text] of texts)
    if (text === null) found.set(path, { similarity: 1 });
    else files.push({ path, identifiers: countsOf(text) });
  const wanted = changed.map(countsOf);
  if (identifiers > mostIdentifiers) return null;

  const read = files.map((file) => file.identifiers);
  const weights = weightsOf(read);
  const index = indexOf(read, weights);
  const best = files.map(() => ({ similarity: 0, of: -1 }));
  let meetings = 0;
  for (const [of, counts] of wanted.entries()) {
    const products = new Map<number, number>();
    for (const [name, count] of counts) {
      const met = index.get(name) ?? [];
      meetings += met.length;
      if (meetings > mostMeetings) return null;
      for (const { file, weight } of met) products.set(file, (products.get(file) ?? 0) + weight * weights(name, count));
    }
    const norm = normOf(counts, weights);
    for (const [file, product] of products) {
      const similarity = Math.min(1, Math.round((product / norm) * 1000) / 1000);
      if (similarity > best[file]!.similarity) best[file] = { similarity, of };
    }
  }
  for (const [file, { similarity, of }] of best.entries())
    if (similarity > 0) {
      const { path, identifiers } = files[file]!;
      found.set(path, { similarity, shared: heaviest(wanted[of]!, identifiers, weights) });
    }
  return found;
}

/** What an identifier that is there so often weighs: its count by its logarithm, times how rare it is among the files (tf-idf). */
type Weights = (name: string, count: number) => number;

function weightsOf(files: readonly ReadonlyMap<string, number>[]): Weights {
  const filesWith = new Map<string, number>();
  for (const identifiers of files)
    for (const name of identifiers.keys()) filesWith.set(name, (filesWith.get(name) ?? 0) + 1);
  // What no file of tests has, or most have, tells none from another.
  const rarity = (of: number): number => (2 * of > files.length ? 0 : Math.log((files.length + 1) / of));
  const rarities = new Map(filesWith.entries().map(([name, of]) => [name, rarity(of)]));
  return (name, count) => (1 + Math.log(count)) * (rarities.get(name) ?? 0);
}

const normOf = (counts: ReadonlyMap<string, number>, weights: Weights): number =>
  Math.sqrt(counts.entries().reduce((sum, [name, count]) => sum + weights(name, count) ** 2, 0));

/** For each identifier that weighs something the files that have it, and its share of their length. */
function indexOf(
  files: readonly ReadonlyMap<string, number>[],
  weights: Weights,
): Map<string, { file: number; weight: number }[]> {
  const index = new Map<string, { file: number; weight: number }[]>();
  for (const [file, counts] of files.entries()) {
    const norm = normOf(counts, weights);
    for (const [name, count] of counts) {
      const weight = weights(name, count) / norm;
      if (!(weight > 0)) continue;
      const known = index.get(name);
      if (known) known.push({ file, weight });
      else index.set(name, [{ file, weight }]);
    }
  }
  return index;
}

/** The three identifiers of both that weigh the most. */
function heaviest(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>, weights: Weights): string[] {
  // All of the larger one for each file of tests would be the square of what was read.
  const [fewer, more] = a.size < b.size ? [a, b] : [b, a];
  const common = [...fewer].flatMap(([name, count]): [string, number][] => {
    const weight = more.has(name) ? weights(name, count) * weights(name, more.get(name)!) : 0;
    return weight > 0 ? [[name, weight]] : [];
  });
  return common
    .sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1))
    .slice(0, 3)
    .map(([name]) => name);
}
