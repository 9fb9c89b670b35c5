/** The yaml store: documents, aliases, merges and comments, as SOPS sees them. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
  type Node as YamlNode,
  Scalar as YamlScalar,
} from "yaml";
import { SopsError } from "./errors.ts";
import { quoted } from "./shown.ts";
import { Budget, type Documents, type Item, type Mapping, type Node, str } from "./tree.ts";
import { resolvePlain, resolveTagged } from "./yaml-scalar.ts";

/** Reads all documents. @throws SopsError with the line, and nothing of the content */
export function readYaml(text: string): Documents {
  if (/[\u0085\u2028\u2029]/.test(text))
    throw new SopsError(
      "unsupported",
      "It holds a character that YAML 1.1 takes for the end of a line and YAML 1.2 does not (U+0085, U+2028 or U+2029); readers do not agree on it.",
    );
  const { documents, parsed } = parse(text);
  if (!Array.isArray(documents)) return [];
  const budget = new Budget();
  return documents.map((document) => {
    const [error] = document.errors;
    if (error) {
      const line = parsed.slice(0, error.pos[0]).split("\n").length;
      throw new SopsError("malformed", `It is not valid YAML: line ${line}, ${error.code}.`);
    }
    return new Converter(document, budget).document();
  });
}

// One parse each: more of these than a file of sops has.
const mostMended = 50;

/**
 * `sops` writes the end of a flow collection that holds only comments at the margin, which YAML does not allow (1.2.2,
 * section 7.4: flow collections are indented as their block is) and its own parser reads. Such an end is moved to the
 * right, one for each parse that stops at it; lines stay where they are, and no other text is touched.
 */
function parse(text: string): { documents: ReturnType<typeof parseAllDocuments>; parsed: string } {
  let parsed = text;
  for (let mended = 0; ; mended += 1) {
    // Scalars stay text: what they mean is decided as SOPS decides it, by resolvePlain.
    const documents = parseAllDocuments(parsed, {
      schema: "failsafe",
      logLevel: "silent",
      prettyErrors: false,
      uniqueKeys: false,
    });
    const [error] = Array.isArray(documents) ? documents.flatMap(({ errors }) => errors) : [];
    if (error?.code !== "BAD_INDENT" || mended === mostMended) return { documents, parsed };
    const end = error.pos[0];
    const before = parsed.slice(0, end).split("\n");
    const line = before.pop()!;
    const indent = before.pop()?.match(/^ */)?.[0] ?? "";
    if (!/^[}\]]$/.test(parsed.charAt(end)) || line.trim() !== "" || indent.length <= line.length)
      return { documents, parsed };
    parsed = parsed.slice(0, end) + indent.slice(line.length) + parsed.slice(end);
  }
}

class Converter {
  private readonly source: Document;
  private readonly budget: Budget;
  private readonly targets: ReadonlyMap<YamlNode, YamlNode>;

  constructor(source: Document, budget: Budget) {
    this.source = source;
    this.budget = budget;
    this.targets = aliasTargets(source);
  }

  document(): Mapping {
    const { contents, commentBefore, comment } = this.source;
    const root = contents === null ? { kind: "null" as const } : this.node(contents as YamlNode, 1);
    if (root.kind === "null" || (root.kind === "str" && root.text === ""))
      return { kind: "map", items: comments(commentBefore) };
    if (root.kind !== "map")
      throw new SopsError("malformed", "The top level of a YAML document is not a mapping, which SOPS needs.");
    return { kind: "map", items: [...comments(commentBefore), ...root.items, ...comments(comment)] };
  }

  private node(node: YamlNode, depth: number): Node {
    this.budget.take(depth);
    if (isAlias(node)) {
      const target = this.targets.get(node);
      if (target === undefined) throw new SopsError("malformed", "It names a YAML anchor that does not exist.");
      return this.node(target, depth + 1);
    }
    if (isScalar(node)) return scalar(node as YamlScalar<unknown>);
    if (isMap(node)) {
      const items: Item[] = comments(node.commentBefore);
      const seen = new Set<string>();
      for (const { key, value } of node.items as { key: YamlNode; value: YamlNode | null }[]) {
        const name = keyName(key);
        if (seen.has(name))
          throw new SopsError("malformed", `The key ${quoted(name)} stands twice in one mapping, which SOPS refuses.`);
        seen.add(name);
        items.push(...comments(key.commentBefore), ...comments(key.comment));
        // SOPS takes a comment behind a value for one that stands above it.
        const leaf = value === null || isScalar(value) || isAlias(value);
        if (value !== null && leaf) items.push(...comments(value.commentBefore), ...comments(value.comment));
        const converted = value === null ? ({ kind: "null" } as const) : this.node(value, depth + 1);
        items.push({ key: name, value: converted });
      }
      items.push(...comments(node.comment));
      return { kind: "map", items };
    }
    if (isSeq(node)) {
      const items: Node[] = comments(node.commentBefore).map(({ value }) => value);
      for (const item of node.items as (YamlNode | null)[]) {
        const leaf = item !== null && !isMap(item) && !isSeq(item);
        if (leaf) items.push(...[...comments(item.commentBefore), ...comments(item.comment)].map(({ value }) => value));
        items.push(item === null ? { kind: "null" } : this.node(item, depth + 1));
      }
      items.push(...comments(node.comment).map(({ value }) => value));
      return { kind: "seq", items };
    }
    throw new SopsError("malformed", "It holds a YAML node that is not read.");
  }
}

/** For each alias what it stands for: the last node before it with its anchor. The library's own way walks the file for each. */
function aliasTargets(source: Document): Map<YamlNode, YamlNode> {
  const [anchors, targets] = [new Map<string, YamlNode>(), new Map<YamlNode, YamlNode>()];
  visit(source, {
    Node(_, node) {
      const named = isAlias(node) ? anchors.get(node.source) : undefined;
      if (named !== undefined) targets.set(node, named);
      else if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function scalar({ value, source, type, tag }: YamlScalar<unknown>): Node {
  // The library gives the key of a merge as a symbol.
  const text = typeof value === "symbol" ? "<<" : String(value ?? "");
  if (tag !== undefined) return resolveTagged(tag, text);
  return type === YamlScalar.PLAIN || type === undefined || type === null ? resolvePlain(source ?? text) : str(text);
}

function keyName(key: YamlNode): string {
  const value = isScalar(key) ? scalar(key as YamlScalar<unknown>) : undefined;
  if (value?.kind === "str") return value.text;
  throw new SopsError(
    "malformed",
    `It holds a key that is not a string (${value?.kind ?? "a collection"}), which SOPS refuses.`,
  );
}

/** Each line of a comment is one of its own. */
function comments(text: string | null | undefined): Item[] {
  if (!text) return [];
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ key: null, value: { kind: "comment", text: line } }));
}
