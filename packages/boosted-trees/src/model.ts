/**
 * A trained model: all trees in a row, node by node. The children of node n are `left[n]` and `left[n] + 1`; a leaf has
 * the `left` 0, since a root is nobody's child. Children stand behind their parents. A row goes left when its value is at
 * most the threshold.
 */
export interface Model {
  /** How many features a row has. */
  columns: number;
  /** Log odds before the first tree. */
  base: number;
  /** The node at which each tree starts. */
  roots: Uint32Array;
  feature: Uint16Array;
  threshold: Float64Array;
  left: Uint32Array;
  /** 1 where a missing value goes right. */
  missingRight: Uint8Array;
  /** What a leaf adds to the log odds; 0 at splits. */
  value: Float64Array;
  /** How much a split lessened the loss on the rows that taught it; 0 at leaves. */
  gain: Float64Array;
}

/** One node while a tree grows; what {@link Model} says of it. */
export interface Node {
  feature: number;
  threshold: number;
  left: number;
  missingRight: number;
  value: number;
  gain: number;
}

/** A model of finished trees; each tree's nodes count from its own root, 0. */
export function assemble(columns: number, base: number, trees: readonly Node[][]): Model {
  const nodes: Node[] = [];
  const roots = new Uint32Array(trees.length);
  for (const [index, tree] of trees.entries()) {
    const start = nodes.length;
    roots[index] = start;
    for (const node of tree) nodes.push({ ...node, left: node.left === 0 ? 0 : node.left + start });
  }
  return {
    columns,
    base,
    roots,
    feature: Uint16Array.from(nodes, ({ feature }) => feature),
    threshold: Float64Array.from(nodes, ({ threshold }) => threshold),
    left: Uint32Array.from(nodes, ({ left }) => left),
    missingRight: Uint8Array.from(nodes, ({ missingRight }) => missingRight),
    value: Float64Array.from(nodes, ({ value }) => value),
    gain: Float64Array.from(nodes, ({ gain }) => gain),
  };
}
