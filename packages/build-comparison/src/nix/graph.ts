/** Which derivations can be built again, and in which order. */
import type { Derivation, KnownPath } from "@goatnote/nix-store";

/** What is done with a derivation. `no-need`: its hash is part of it. The others say why it is not built again. */
export type Plan = "check" | "content-addressed" | "no-need" | "substituted" | "not-in-store";

export const isContentAddressed = ({ outputs }: Derivation): boolean =>
  Object.values(outputs).some(({ path, hash }) => path === null && hash === null);

/**
 * @param known what the store has of their outputs
 * @param roots derivations that are checked also where their outputs were built elsewhere
 */
export function planFor(derivation: Derivation, known: ReadonlyMap<string, KnownPath>, roots: readonly string[]): Plan {
  const outputs = Object.values(derivation.outputs);
  if (outputs.every(({ hash }) => hash !== null)) return "no-need";
  if (isContentAddressed(derivation)) return "content-addressed";
  const objects = outputs.flatMap(({ path }) => (path === null ? [] : [known.get(path)]));
  if (objects.some((object) => object === undefined)) return "not-in-store";
  return roots.includes(derivation.path) || objects.every((object) => object?.ultimate) ? "check" : "substituted";
}

/** Those that others need come first, so that the first that differs is where it begins. */
export function inputsFirst(derivations: readonly Derivation[]): Derivation[] {
  const byPath = new Map([...derivations].sort((a, b) => (a.path < b.path ? -1 : 1)).map((each) => [each.path, each]));
  const done = new Set<Derivation>();
  const open: { derivation: Derivation; entered: boolean }[] = [...byPath.values()]
    .reverse()
    .map((derivation) => ({ derivation, entered: false }));
  for (let at = open.pop(); at; at = open.pop()) {
    const { derivation, entered } = at;
    if (done.has(derivation)) continue;
    if (entered) {
      done.add(derivation);
      continue;
    }
    open.push({ derivation, entered: true });
    for (const path of Object.keys(derivation.inputDerivations)) {
      const input = byPath.get(path);
      if (input && !done.has(input)) open.push({ derivation: input, entered: false });
    }
  }
  return [...done];
}
