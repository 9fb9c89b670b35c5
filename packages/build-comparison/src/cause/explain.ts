/** From two builds' results to causes by name: into archives, past what is derived, down to the bytes that differ. */
import { type Budget, type Container, type Member, NotOpened } from "../formats/container.ts";
import { openContainer } from "../formats/open.ts";
import { compareLeaves, firstDifference, largestExamined } from "./leaf.ts";
import type { Normaliser } from "./normalise.ts";
import type { Cause, Scene } from "./scene.ts";

/** One thing that differs, where, and why as far as the bytes tell. */
export interface Finding {
  /** The artifact, then the member in it, and so on. */
  place: string[];
  /** What differs there: `content`, `order`, `name`, or the stored field, such as `mtime`. */
  what: string;
  /** The format that stores it; empty for a file's own content. */
  format: Container["format"] | "";
  causes: Cause[];
  /** How many members it is about. */
  count: number;
  first: string;
  second: string;
  offset: number | null;
  /** It follows from another finding, such as a checksum of what differs. */
  derived: boolean;
}

/** Tells the same finding of several comparisons. */
export const keyOf = ({ place, what }: Finding): string => JSON.stringify([place, what]);

/** What explaining needs to know, and may use up. */
export interface Explaining {
  scene: Scene;
  normalisers: readonly Normaliser[];
  budget: Budget;
}

const deepest = 12;

/** Explains why two files differ; nothing when they do not. */
export async function explain(a: Buffer, b: Buffer, place: string[], context: Explaining): Promise<Finding[]> {
  if (a.equals(b)) return [];
  const containers = place.length <= deepest ? await openBoth(a, b, context.budget) : "they are nested too deeply";
  if (typeof containers === "string") return [leafFinding(a, b, place, context, containers)];
  if (containers === undefined) return [leafFinding(a, b, place, context)];
  const findings = await explainContainers(...containers, place, context);
  if (findings.length > 0) return findings;
  const [{ format }] = containers;
  const offset = firstDifference(a, b);
  // All members and all that is stored of them are equal: what remains is how they were packed.
  const packed: Cause = /^(gzip|zip|zstd|xz|bzip2)$/.test(format) ? "compression" : "unknown";
  return [{ ...finding(place, packed === "compression" ? "packing" : "content", format, [packed]), offset }];
}

async function openBoth(a: Buffer, b: Buffer, budget: Budget): Promise<[Container, Container] | undefined | string> {
  try {
    const [first, second] = [await openContainer(a, budget), await openContainer(b, budget)];
    return first && second && first.format === second.format ? [first, second] : undefined;
  } catch (error) {
    if (error instanceof NotOpened) return error.message;
    if (error instanceof RangeError) return "it is broken";
    throw error;
  }
}

function finding(place: string[], what: string, format: Finding["format"], causes: Cause[]): Finding {
  return { place, what, format, causes, count: 1, first: "", second: "", offset: null, derived: false };
}

function leafFinding(a: Buffer, b: Buffer, place: string[], context: Explaining, notOpened = ""): Finding {
  const size = Math.min(largestExamined, Math.max(a.length, b.length));
  if (context.budget.examined < size) {
    const what = "content (not examined: much else differs)";
    return { ...finding(place, what, "", ["unknown"]), offset: firstDifference(a, b) };
  }
  context.budget.examined -= size;
  const { causes, offset, first, second } = compareLeaves(a, b, context.scene, context.normalisers);
  const what = notOpened ? `content (not opened: ${notOpened})` : "content";
  return { ...finding(place, what, "", causes.length > 0 ? causes : ["unknown"]), offset, first, second };
}

async function explainContainers(a: Container, b: Container, place: string[], context: Explaining): Promise<Finding[]> {
  const { format } = a;
  const findings = fieldFindings([[a, b]], place, format);
  const { pairs, renamed, onlyFirst, onlySecond } = pairUp(a.members, b.members);
  findings.push(...fieldFindings(pairs, place, format));
  const [order, other] = [a, b].map(({ members }) => members.map(({ name }) => name)) as [string[], string[]];
  if (renamed.length + onlyFirst.length + onlySecond.length === 0) {
    const at = order.findIndex((name, i) => name !== other[i]);
    if (at >= 0)
      findings.push({ ...finding(place, "order", format, ["order"]), first: order[at]!, second: other[at]! });
  }
  for (const [first, second] of renamed) {
    const names = compareLeaves(Buffer.from(first.name), Buffer.from(second.name), context.scene, context.normalisers);
    const causes = names.causes.length > 0 ? names.causes : (["missing"] as Cause[]);
    findings.push({ ...finding(place, "name", format, causes), first: first.name, second: second.name });
  }
  for (const [side, members] of [
    ["first", onlyFirst],
    ["second", onlySecond],
  ] as const) {
    if (members.length === 0) continue;
    const missing = finding(place, `members only in the ${side}`, format, ["missing"]);
    findings.push({ ...missing, count: members.length, [side]: members[0]!.name });
  }
  const inside: Finding[] = [];
  for (const [first, second] of [...pairs, ...renamed]) {
    const below = first.name === "" ? place : [...place, first.name];
    inside.push(...(await explain(first.content, second.content, below, context)));
  }
  return markDerived([...findings, ...inside], format);
}

/** Members by name; what is left over is paired by its place, when both have the same number of it. */
function pairUp(first: readonly Member[], second: readonly Member[]) {
  const others = new Map(second.map((member) => [member.name, member]));
  const pairs = first.flatMap((member): [Member, Member][] => {
    const other = others.get(member.name);
    return other ? [[member, other]] : [];
  });
  const paired = new Set(pairs.map(([{ name }]) => name));
  const left = first.filter(({ name }) => !paired.has(name));
  const right = second.filter(({ name }) => !paired.has(name));
  if (left.length !== right.length) return { pairs, renamed: [], onlyFirst: left, onlySecond: right };
  const renamed = left.map((member, i): [Member, Member] => [member, right[i]!]);
  return { pairs, renamed, onlyFirst: [], onlySecond: [] };
}

const causeOfField = (field: string): Cause => {
  if (/mtime|atime|ctime/i.test(field)) return "mtime";
  if (/^(uid|gid|uname|gname)$|owner/.test(field)) return "owner";
  if (/^mode$|^attributes$/.test(field)) return "permissions";
  if (field === "level" || field === "method") return "compression";
  return "metadata";
};

/** One finding for each stored field that differs, however many members it differs in. */
function fieldFindings(
  pairs: readonly (readonly [Pick<Member, "fields"> & { name?: string }, Pick<Member, "fields">])[],
  place: string[],
  format: Container["format"],
): Finding[] {
  const found = new Map<string, Finding>();
  for (const [a, b] of pairs) {
    for (const field of new Set([...Object.keys(a.fields), ...Object.keys(b.fields)])) {
      const [first, second] = [a.fields[field] ?? "", b.fields[field] ?? ""];
      if (first === second) continue;
      const known = found.get(field);
      if (known) known.count += 1;
      else {
        const name = a.name ? `${a.name}: ` : "";
        const cause = causeOfField(field);
        found.set(field, {
          ...finding(place, field, format, [cause]),
          first: `${name}${first}`,
          second: `${name}${second}`,
        });
      }
    }
  }
  return [...found.values()];
}

/** What follows from something else in the same container: build ids, digests of members, moved code. */
function markDerived(findings: Finding[], format: Container["format"]): Finding[] {
  const isId = ({ place, format: of }: Finding): boolean => of === "" && place.at(-1) === ".note.gnu.build-id";
  for (const each of findings) if (format === "elf" && isId(each)) each.causes = ["build-id"];
  const follows = (each: Finding): boolean =>
    each.causes.every((cause) => cause === "digest" || cause === "build-id") ||
    (format === "elf" && each.causes.every((cause) => cause === "unknown"));
  const others = findings.some((each) => !follows(each) && !each.derived);
  for (const each of findings) if (others && follows(each)) each.derived = true;
  return findings;
}
