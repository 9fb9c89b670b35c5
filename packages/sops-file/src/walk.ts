/** Goes through all values in the order that decides the MAC, and knows of each whether it is encrypted. */
import type { Selector } from "./selection.ts";
import type { Comment, Documents, Item, Mapping, Node, Scalar } from "./tree.ts";

/**
 * What becomes of one value or comment.
 * @param path keys from the top; a value in a list has the path of the list
 */
export type Visit = (leaf: Scalar | Comment, path: readonly string[], encrypted: boolean) => Node;

/** The documents with each value and comment replaced by what `visit` makes of it. */
export function walk(documents: Documents, selector: Selector, visit: Visit): Documents {
  const walker = new Walker(selector, visit);
  return documents.map((document) => walker.mapping(document, []));
}

class Walker {
  private readonly selector: Selector;
  private readonly visit: Visit;
  /** For each level from the top, the comments above what is looked at. */
  private readonly comments: string[][] = [];

  constructor(selector: Selector, visit: Visit) {
    this.selector = selector;
    this.visit = visit;
  }

  mapping({ items }: Mapping, path: string[]): Mapping {
    const above: string[] = [];
    this.comments.push(above);
    const walked = items.map(({ key, value }): Item => {
      if (key === null) return { key, value: this.node(value, path, above) };
      path.push(key);
      const item = { key, value: this.node(value, path, above) };
      path.pop();
      return item;
    });
    this.comments.pop();
    return { kind: "map", items: walked };
  }

  private list(items: Node[], path: string[]): Node {
    const above: string[] = [];
    this.comments.push(above);
    const walked = items.map((item) => this.node(item, path, above));
    this.comments.pop();
    return { kind: "seq", items: walked };
  }

  private node(node: Node, path: string[], above: string[]): Node {
    if (node.kind === "comment") {
      above.push(node.text);
      return this.leaf(node, path);
    }
    const walked =
      node.kind === "map"
        ? this.mapping(node, path)
        : node.kind === "seq"
          ? this.list(node.items, path)
          : this.leaf(node, path);
    above.length = 0;
    return walked;
  }

  private leaf(leaf: Scalar | Comment, path: string[]): Node {
    return this.visit(leaf, path, this.selector.isEncrypted(path, this.comments, leaf.kind === "comment"));
  }
}
