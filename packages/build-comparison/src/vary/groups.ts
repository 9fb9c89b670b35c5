/** Finds which of several changes have an effect, with few tries: by halves, and each that is found is tried alone. */

/** What was found. `together` have an effect that none of them has alone. */
export interface Culprits<T> {
  alone: T[];
  together: T[];
}

/**
 * @param all changes that have the effect when all are made
 * @param hasEffect tries some of them; costly
 */
export async function findCulprits<T>(
  all: readonly T[],
  hasEffect: (some: readonly T[]) => Promise<boolean>,
): Promise<Culprits<T>> {
  if (all.length <= 1) return { alone: [...all], together: [] };
  const middle = Math.ceil(all.length / 2);
  const found: Culprits<T> = { alone: [], together: [] };
  let effective = 0;
  for (const half of [all.slice(0, middle), all.slice(middle)]) {
    if (!(await hasEffect(half))) continue;
    effective += 1;
    const { alone, together } = await findCulprits(half, hasEffect);
    found.alone.push(...alone);
    found.together.push(...together);
  }
  return effective === 0 ? { alone: [], together: [...all] } : found;
}
