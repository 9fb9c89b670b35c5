/** From two builds' results to causes by name: into archives, past what is derived, down to the bytes that differ. */
import { type Budget, type Container, type Member, NotOpened, OutOfTime } from "../formats/container.ts";
import { asImages } from "../formats/image.ts";
import { openContainer } from "../formats/open.ts";
import { compareDocuments } from "./document.ts";
import { compareLeaves, firstDifference, largestExamined } from "./leaf.ts";
import type { Normaliser } from "./normalise.ts";
import type { Cause, Scene } from "./scene.ts";
import { timeAt } from "./times.ts";

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
  /** Why it differs was not looked at, or not to the end, since the time was used up. */
  stopped?: true;
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
export const explain = (a: Buffer, b: Buffer, place: string[], context: Explaining): Promise<Finding[]> =>
  inTime(explainDifferent, a, b, place, context);

/** Explains why two documents of an image differ, by their fields. */
export const explainDocument = (a: Buffer, b: Buffer, place: string[], context: Explaining): Promise<Finding[]> =>
  inTime(explainFields, a, b, place, context);

/** What is not explained when the time is used up is told to differ all the same. */
async function inTime(
  how: (...args: Parameters<typeof explain>) => Promise<Finding[]>,
  ...[a, b, place, context]: Parameters<typeof explain>
): Promise<Finding[]> {
  if (a.equals(b)) return [];
  try {
    context.budget.tick();
    return await how(a, b, place, context);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return [{ ...stoppedAt(place, context.budget), offset: firstDifference(a, b) }];
  }
}

/** What differs and was not explained since the time was used up. */
export const stoppedAt = (place: string[], { seconds }: Budget): Finding => ({
  ...finding(place, `content (stopped after ${seconds} s, not explained further)`, "", ["unknown"]),
  stopped: true,
});

async function explainDifferent(a: Buffer, b: Buffer, place: string[], context: Explaining): Promise<Finding[]> {
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
    return first && second && first.format === second.format ? await asImages(first, second, budget) : undefined;
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
  const { scene, normalisers, budget } = context;
  const { causes, offset, first, second } = compareLeaves(a, b, scene, normalisers, () => budget.tick());
  const what = notOpened ? `content (not opened: ${notOpened})` : "content";
  return { ...finding(place, what, "", causes.length > 0 ? causes : ["unknown"]), offset, first, second };
}

async function explainFields(a: Buffer, b: Buffer, place: string[], context: Explaining): Promise<Finding[]> {
  try {
    const differences = compareDocuments(a, b, context);
    if (differences === undefined || differences.length === 0) return explainDifferent(a, b, place, context);
    return differences.map(({ what, causes, ...texts }) => ({ ...finding(place, what, "image", causes), ...texts }));
  } catch (error) {
    if (error instanceof NotOpened) return [leafFinding(a, b, place, context, error.message)];
    if (error instanceof RangeError) return [leafFinding(a, b, place, context, "it is broken")];
    throw error;
  }
}

async function explainContainers(a: Container, b: Container, place: string[], context: Explaining): Promise<Finding[]> {
  const { format } = a;
  const findings = fieldFindings([[a, b]], place, format, context);
  const { pairs, renamed, onlyFirst, onlySecond } = pairUp(a.members, b.members);
  findings.push(...fieldFindings(pairs, place, format, context));
  const [order, other] = ordersOf(a.members, b.members);
  if (renamed.length + onlyFirst.length + onlySecond.length === 0) {
    const at = order.findIndex((name, i) => name !== other[i]);
    if (at >= 0)
      findings.push({ ...finding(place, "order", format, ["order"]), first: order[at]!, second: other[at]! });
  }
  for (const [first, second] of renamed) {
    const [one, another] = [Buffer.from(first.name), Buffer.from(second.name)];
    const names = compareLeaves(one, another, context.scene, context.normalisers, () => context.budget.tick());
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
    const how = first.document && second.document ? explainDocument : explain;
    inside.push(...(await how(first.content, second.content, below, context)));
    // What is left would say the same.
    if (context.budget.late) break;
  }
  return markDerived([...findings, ...inside], format);
}

/** The names of members in order; a blob whose own name differs is elsewhere for that reason. */
function ordersOf(first: readonly Member[], second: readonly Member[]): [string[], string[]] {
  const [names, others] = [first, second].map((members) => members.map(({ name, stored }) => stored ?? name)) as [
    string[],
    string[],
  ];
  const [own, other] = [new Set(names), new Set(others)];
  return [names.filter((name) => other.has(name)), others.filter((name) => own.has(name))];
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

/** Whether two numbers of 32 bits are moments near the clocks. */
function areMoments(first: unknown, second: unknown, scene: Scene): boolean {
  const [a, b] = [first, second].map((value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(Number(value) >>> 0);
    return bytes;
  }) as [Buffer, Buffer];
  return timeAt(a, b, 0, scene) > 0;
}

/** In PE a time stands also where a linker writes a digest in its place. */
function causeOfPeField(field: string, first: unknown, second: unknown, scene: Scene): Cause {
  if (/timestamp/.test(field)) return areMoments(first, second, scene) ? "timestamp" : "build-id";
  if (/^debug id/.test(field)) return "build-id";
  return field === "checksum" ? "digest" : "metadata";
}

function causesOfField(
  format: Container["format"],
  field: string,
  first: string | number,
  second: string | number,
  { scene, normalisers, budget }: Explaining,
): Cause[] {
  if (format === "pe") return [causeOfPeField(field, first, second, scene)];
  // Where a link leads to is text, which may hold anything.
  const [a, b] = [Buffer.from(String(first)), Buffer.from(String(second))];
  const known = field === "link" ? compareLeaves(a, b, scene, normalisers, () => budget.tick()).causes : [];
  return known.length > 0 ? known : [causeOfField(field)];
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
  context: Explaining,
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
        const causes = causesOfField(format, field, first, second, context);
        found.set(field, {
          ...finding(place, field, format, causes),
          first: `${name}${first}`,
          second: `${name}${second}`,
        });
      }
    }
  }
  return [...found.values()];
}

/** What follows from something else in the same container: build ids, digests of members, moved code. */
export function markDerived(findings: Finding[], format: Container["format"]): Finding[] {
  const isId = ({ place, format: of }: Finding): boolean => of === "" && place.at(-1) === ".note.gnu.build-id";
  for (const each of findings) if (format === "elf" && isId(each)) each.causes = ["build-id"];
  const follows = (each: Finding): boolean =>
    each.causes.every((cause) => cause === "digest" || cause === "build-id") ||
    ((format === "elf" || format === "pe") && each.causes.every((cause) => cause === "unknown"));
  const others = findings.some((each) => !follows(each) && !each.derived);
  for (const each of findings) if (others && follows(each)) each.derived = true;
  return findings;
}
