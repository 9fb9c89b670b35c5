/** Metadata in files without nesting, such as `sops_age__list_0__map_enc`: https://github.com/getsops/sops/blob/v3.13.2/stores/flatten.go */
import { SopsError } from "./errors.ts";
import { type Item, limits, type Node } from "./tree.ts";

/** What stands below one key: a value, keys or list positions, and only one of these. */
interface Place {
  value?: Node;
  keys: Map<string, Place>;
  indices: Map<number, Place>;
}

const place = (): Place => ({ keys: new Map(), indices: new Map() });

function below<K>(places: Map<K, Place>, key: K): Place {
  const found = places.get(key) ?? place();
  places.set(key, found);
  return found;
}

/** Turns flat keys into nested mappings and lists. Comments are left out. */
export function unflatten(items: readonly Item[]): Node {
  const root = place();
  for (const { key, value } of items) {
    if (key === null) continue;
    const [first = "", ...parts] = key.split(/(?=__(?:map|list)_)/);
    if (parts.length >= limits.depth)
      throw new SopsError(
        "too-large",
        `Its SOPS metadata is nested more than ${limits.depth} levels deep, which is refused.`,
      );
    let at = below(root.keys, first);
    for (const part of parts) {
      const list = /^__list_(.*)$/s.exec(part);
      at = list ? below(at.indices, Number(list[1])) : below(at.keys, part.slice("__map_".length));
    }
    if (at.value !== undefined) throw fault();
    at.value = value;
  }
  return nested(root);
}

const fault = (): SopsError =>
  new SopsError("malformed", "Its SOPS metadata contradicts itself: a key stands twice, or a list has gaps.");

function nested({ value, keys, indices }: Place): Node {
  if ([value !== undefined, keys.size > 0, indices.size > 0].filter(Boolean).length > 1) throw fault();
  if (value !== undefined) return value;
  if (indices.size === 0)
    return { kind: "map", items: [...keys].map(([key, inner]) => ({ key, value: nested(inner) })) };
  return {
    kind: "seq",
    items: Array.from({ length: indices.size }, (_, i) => {
      const inner = indices.get(i);
      if (inner === undefined) throw fault();
      return nested(inner);
    }),
  };
}
