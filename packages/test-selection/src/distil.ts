/**
 * One small tree that decides nearly as the plan did: what a model of many weights amounts to for this change, in words.
 * Learnt by `ml-cart` from the plan's own decisions; it explains and never decides.
 */
import type { FileChange } from "@goatnote/ci-history";
import type { CartNode } from "ml-cart";
import { type Links, linksTo, type SourceLinks } from "./links.ts";
import type { Memory, TestMemory } from "./memory.ts";
import type { Past } from "./past.ts";
import type { Plan } from "./plan.ts";

/** A question on one number of a test, with the answers below it, or a leaf with its decision. */
export type TreeNode =
  | { question: string; yes: TreeNode; no: TreeNode }
  | { chosen: boolean; tests: number; agree: number };

export interface Distilled {
  /** Shares of the plan's chosen and resting tests, 0 to 1, on which the tree decides alike. */
  fidelity: { chosen: number; resting: number };
  /** Each path to a decision, in words. */
  rules: string[];
  tree: TreeNode;
}

interface Fact {
  name: string;
  /** 0 or 1 stands for no or yes. */
  isYesOrNo?: true;
  /** A number that is larger where the test is likelier to be chosen. */
  of(test: TestMemory, links: Links, memory: Memory, changed: ReadonlySet<string>): number;
}

const facts: Fact[] = [
  {
    name: "failed in its last run",
    isYesOrNo: true,
    of: (test) => Number(test.lastFailed),
  },
  {
    name: "its file is in the change",
    isYesOrNo: true,
    of: (test, _links, _memory, changed) => Number(test.file !== null && changed.has(test.file)),
  },
  {
    name: "share of a changed file's changes that broke it",
    of: (_test, { file }) => file?.strongest.share ?? 0,
  },
  {
    name: "share of a changed folder's changes that broke it",
    of: (_test, { folder }) => folder?.strongest.share ?? 0,
  },
  {
    name: "likeness of its words to a changed path",
    of: (_test, { likeness }) => likeness?.similarity ?? 0,
  },
  {
    name: "nearness to a changed file",
    of: (_test, { nearness }) => nearness?.share ?? 0,
  },
  {
    name: "nearness by imports to a changed file",
    of: (_test, { imports }) => (imports ? 1 / Math.max(1, imports.distance) : 0),
  },
  {
    name: "likeness of its text to the changed lines",
    of: (_test, { text }) => text?.similarity ?? 0,
  },
  {
    name: "recent failures",
    of: (test, _links, memory) => memory.failures(test),
  },
];

// Its training takes time with the square of the rows; a page of a summary takes eight leaves.
const mostRows = 300;
const depth = 3;
const fewestOfAKind = 5;

/** The tree of a plan; null where fewer than five known tests are chosen, or rest. Tests chosen by chance teach nothing. */
export async function distil(
  past: Past,
  changes: readonly FileChange[],
  sources: SourceLinks | null,
  plan: Plan,
): Promise<Distilled | null> {
  if (plan.tests.every((test) => test.chosen)) return null; // before anything is read for it
  const linksOf = linksTo(past.memory, changes, sources);
  const changed = new Set(changes.map(({ path }) => path.normalize()));
  const known = plan.tests.flatMap(({ id, chosen, p_run }) => {
    const test = past.memory.tests.get(id);
    if (!test || (chosen && p_run < 1)) return [];
    return [{ chosen, row: facts.map(({ of }) => of(test, linksOf(test), past.memory, changed)) }];
  });
  const [chosen, resting] = [true, false].map((kind) => known.filter((test) => test.chosen === kind));
  if (chosen!.length < fewestOfAKind || resting!.length < fewestOfAKind) return null;
  // As many of both, so that the few that run are not lost among the many that rest.
  const rows = [...sample(chosen!, mostRows / 2), ...sample(resting!, mostRows / 2)];
  const { DecisionTreeRegression } = await import("ml-cart");
  const cart = new DecisionTreeRegression({ maxDepth: depth, minNumSamples: fewestOfAKind, gainThreshold: 0 });
  cart.train(
    rows.map(({ row }) => row),
    // ml-cart 2.1.1 takes a split that leaves no error at all for none, so that there is always a little.
    rows.map((test, index) => Number(test.chosen) + 1e-6 * (index % 2)),
  );
  const tree = told(cart.root, known);
  const agree = { chosen: 0, resting: 0 };
  for (const leaf of leavesOf(tree)) agree[leaf.chosen ? "chosen" : "resting"] += leaf.agree;
  return {
    fidelity: { chosen: agree.chosen / chosen!.length, resting: agree.resting / resting!.length },
    rules: rulesOf(tree),
    tree,
  };
}

interface Decided {
  chosen: boolean;
  row: number[];
}

/** A sample at even distances. */
const sample = <T>(all: readonly T[], most: number): readonly T[] =>
  all.length <= most ? all : Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)]!);

/** The learnt tree with all tests in its leaves; a split whose sides decide alike is no split. */
function told(node: CartNode, tests: readonly Decided[]): TreeNode {
  const { left, right } = node;
  if (!left || !right) {
    const chosen = (node.distribution ?? 0) >= 0.5;
    return { chosen, tests: tests.length, agree: tests.filter((test) => test.chosen === chosen).length };
  }
  const isYes = ({ row }: Decided): boolean => row[node.splitColumn]! >= node.splitValue;
  const [yes, no] = [
    told(right, tests.filter(isYes)),
    told(
      left,
      tests.filter((test) => !isYes(test)),
    ),
  ];
  if ("chosen" in yes && "chosen" in no && yes.chosen === no.chosen)
    return { chosen: yes.chosen, tests: yes.tests + no.tests, agree: yes.agree + no.agree };
  const { name, isYesOrNo } = facts[node.splitColumn]!;
  const question = isYesOrNo ? name : `${name} is ${Number(node.splitValue.toPrecision(2))} or more`;
  return { question, yes, no };
}

type Leaf = Exclude<TreeNode, { question: string }>;

const leavesOf = (node: TreeNode): Leaf[] =>
  "question" in node ? [...leavesOf(node.yes), ...leavesOf(node.no)] : [node];

function rulesOf(node: TreeNode, path: readonly string[] = []): string[] {
  if ("question" in node)
    return [...rulesOf(node.yes, [...path, node.question]), ...rulesOf(node.no, [...path, `not: ${node.question}`])];
  const decision = `${node.chosen ? "runs" : "rests"} (so decided for ${node.agree} of ${node.tests} tests)`;
  return [path.length === 0 ? decision : `${path.join("; ")} → ${decision}`];
}
