/** What can be taken out of text so that two builds become equal: each normaliser stands for one cause. */
import { basename, dirname } from "node:path";
import type { Cause, Scene, Side } from "./scene.ts";
import { inEnglish, replaceTimes } from "./times.ts";

/** Takes one cause out of a text. Texts hold one character per byte. */
export interface Normaliser {
  cause: Cause;
  apply: (text: string, side: "first" | "second") => string;
  /** The word that stands for it in each, where it is one. */
  words?: { first: string; second: string };
}

/** Which cause a variable stands for; all others are `environment`. */
const ofVariable: [RegExp, Cause][] = [
  [/^HOME$/, "home"],
  [/^(TMPDIR|RUNNER_TEMP|XDG_CACHE_HOME)$/, "temporary-path"],
  [/^(GITHUB_WORKSPACE|PWD)$/, "build-path"],
  [/^TZ$/, "timezone"],
  [/^(LC_\w+|LANG|LANGUAGE|LOCPATH)$/, "locale"],
  [/^(USER|LOGNAME)$/, "user"],
  [/^(MAKEFLAGS|CMAKE_BUILD_PARALLEL_LEVEL|CARGO_BUILD_JOBS|NIX_BUILD_CORES)$/, "parallelism"],
];

const bytes = (text: string): string => Buffer.from(text).toString("latin1");
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");

/** A value as a whole word, so that `2` is not found in `1024`. */
function literal(cause: Cause, first: string | undefined, second: string | undefined): Normaliser[] {
  if (!first || !second || first === second) return [];
  const pattern = (value: string): RegExp =>
    new RegExp(`(?<![A-Za-z0-9_])${escaped(bytes(value))}(?![A-Za-z0-9_])`, "g");
  const patterns = { first: pattern(first), second: pattern(second) };
  const words = { first: bytes(first), second: bytes(second) };
  return [{ cause, words, apply: (text, side) => text.replace(patterns[side], `<${cause}>`) }];
}

/** Normalisers for what is known of two builds, the most specific first. */
export function normalisersFor({ first, second }: Scene): Normaliser[] {
  const [a, b] = [first.facts, second.facts];
  // A path may be quoted in parts: the folder, the folder above, the name alone.
  return [
    ...literal("build-path", a.path, b.path),
    ...literal("build-path", dirname(a.path), dirname(b.path)),
    ...literal("home", a.home, b.home),
    ...literal("temporary-path", a.tmp, b.tmp),
    ...variableNormalisers(first, second),
    ...literal("build-path", basename(a.path), basename(b.path)),
    ...literal("hostname", a.hostname, b.hostname),
    ...literal("kernel", a.kernel, b.kernel),
    ...literal("permissions", a.umask, b.umask),
    ...literal("user", a.user, b.user),
    ...literal("user", a.group, b.group),
    {
      cause: "timestamp",
      apply: (text, side) => {
        const { clock, realClock, facts } = side === "first" ? first : second;
        const [, sign = "+", hours = "0", minutes = "0"] = /^([+-])(\d\d)(\d\d)$/.exec(facts.zone) ?? [];
        const offset = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
        return replaceTimes(inEnglish(text, facts), realClock ? [clock, realClock] : [clock], offset);
      },
    },
    ...literal("timezone", a.zone, b.zone),
    ...literal("timezone", a.zoneName, b.zoneName),
    ...literal("user", a.uid, b.uid),
    ...literal("cpus", a.cpus, b.cpus),
    {
      cause: "uuid",
      apply: (text) => text.replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>"),
    },
    { cause: "address", apply: (text) => text.replace(/\b0x[0-9a-f]{6,16}\b/gi, "<address>") },
    {
      cause: "digest",
      apply: (text) =>
        text.replace(
          /\b([0-9a-f]{128}|[0-9a-f]{96}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b|(?<![\w-])[\w-]{43}(?![\w-])|\b[A-Za-z0-9+/]{86}==|\b[A-Za-z0-9+/]{43}=/gi,
          "<digest>",
        ),
    },
    { cause: "random", apply: (text) => text.replace(/(?<=\b(tmp|temp)[._-]?)[A-Za-z0-9_]{6,16}\b/gi, "<name>") },
  ];
}

/** Variables: a line of a listing is taken out whole, a value elsewhere as a word. */
function variableNormalisers(first: Side, second: Side): Normaliser[] {
  const names = [...new Set([...Object.keys(first.variables), ...Object.keys(second.variables)])];
  const causeOf = (name: string): Cause => ofVariable.find(([pattern]) => pattern.test(name))?.[1] ?? "environment";
  const known = [...new Set(names.map(causeOf))];
  return known.flatMap((cause): Normaliser[] => {
    const own = names.filter((name) => causeOf(name) === cause);
    const lines = new RegExp(`(?:^|(?<=[\\n\\0]))(?:${own.map(escaped).join("|")})=[^\\n\\0]*(?:[\\n\\0]|$)`, "g");
    return [
      { cause, apply: (text) => text.replace(lines, "") },
      ...own.flatMap((name) => literal(cause, first.variables[name], second.variables[name])),
    ];
  });
}

/** A word that one of the two has more often is there for another reason as well, such as a `1`. */
function fits({ words }: Normaliser, first: string, second: string): boolean {
  return words === undefined || first.split(words.first).length === second.split(words.second).length;
}

/**
 * A minimal set of causes whose removal makes two texts equal: none of them can be left out of it.
 * @returns undefined when no set does
 */
export function smallestSet(
  first: string,
  second: string,
  normalisers: readonly Normaliser[],
  equal: (first: string, second: string) => boolean = (a, b) => a === b,
): Cause[] | undefined {
  const relevant = normalisers.filter(
    (each) =>
      (each.apply(first, "first") !== first || each.apply(second, "second") !== second) && fits(each, first, second),
  );
  const all = [...new Set(relevant.map(({ cause }) => cause))];
  const equalWithout = (kept: readonly Cause[]): boolean => {
    const applied = (text: string, side: "first" | "second"): string =>
      relevant.filter(({ cause }) => kept.includes(cause)).reduce((rest, { apply }) => apply(rest, side), text);
    return equal(applied(first, "first"), applied(second, "second"));
  };
  if (!equalWithout(all)) return undefined;
  // The last are the least specific, so they are the first to go.
  return all.reduceRight<Cause[]>((kept, cause) => {
    const fewer = kept.filter((other) => other !== cause);
    return equalWithout(fewer) ? fewer : kept;
  }, all);
}
