/** The single values of a file, each with its path. */
import { isUtf8 } from "node:buffer";
import { SopsError } from "./errors.ts";
import { formatFloat } from "./go-values.ts";
import type { Documents, Item, Mapping, Node, Scalar } from "./tree.ts";

/** Keys and, in lists, positions from 0. */
export type Path = readonly (string | number)[];

export interface Leaf {
  path: Path;
  value: Scalar;
}

/** The values of all documents, in the order of the file; comments are left out. */
export function leavesOf(documents: Documents): Leaf[] {
  return documents.flatMap((document) => [...below(document, [])]);
}

function* below(node: Node, path: Path): Generator<Leaf> {
  if (node.kind === "map") for (const { key, value } of keyedItems(node)) yield* below(value, [...path, key]);
  else if (node.kind === "seq") {
    const values = node.items.filter(({ kind }) => kind !== "comment");
    for (const [i, value] of values.entries()) yield* below(value, [...path, i]);
  } else if (node.kind !== "comment") yield { path, value: node };
}

/** The items of a mapping without its comments. */
export const keyedItems = ({ items }: Mapping): (Item & { key: string })[] =>
  items.filter((item): item is Item & { key: string } => item.key !== null);

/** Documents of YAML with their merges (`<<`) applied; comments are left out. In other formats `<<` is a key like any other. */
export const withMerges = (documents: Documents): Documents => documents.map(mappingWithMerges);

const mappingWithMerges = (mapping: Mapping): Mapping => ({
  kind: "map",
  items: merged(mapping).map(({ key, value }) => ({ key, value: nodeWithMerges(value) })),
});

function nodeWithMerges(node: Node): Node {
  if (node.kind === "map") return mappingWithMerges(node);
  return node.kind === "seq" ? { kind: "seq", items: node.items.map(nodeWithMerges) } : node;
}

/** The items of a mapping with what it merges in; its own keys win, then the first that is merged. */
function merged(mapping: Mapping): (Item & { key: string })[] {
  const keyed = keyedItems(mapping);
  if (!keyed.some(({ key, value }) => key === "<<" && isMerge(value))) return keyed;
  const own = new Set(keyed.map(({ key }) => key));
  return keyed.flatMap((item) => {
    if (item.key !== "<<" || !isMerge(item.value)) return [item];
    const sources = item.value.kind === "seq" ? item.value.items : [item.value];
    return sources.flatMap((source) =>
      source.kind === "map"
        ? merged(source).filter(({ key }) => {
            const added = !own.has(key);
            own.add(key);
            return added;
          })
        : [],
    );
  });
}

const isMerge = (node: Node): boolean =>
  node.kind === "map" || (node.kind === "seq" && node.items.every(({ kind }) => kind === "map" || kind === "comment"));

/** A value as text, for a variable or an output. @throws SopsError for bytes that are no text */
export function textOf(value: Scalar): string {
  switch (value.kind) {
    case "str":
    case "int":
    case "time":
      return value.text;
    case "bool":
      return String(value.value);
    case "null":
      return "";
    case "float":
      return formatFloat(value.number);
    case "bytes": {
      if (!isUtf8(value.bytes))
        throw new SopsError("unsupported", "is not text but bytes; write it to a file instead (`export: file`)");
      return value.bytes.toString();
    }
  }
}
