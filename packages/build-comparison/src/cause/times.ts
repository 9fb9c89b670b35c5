/** Moments near a build's clock, in the forms in which programs write them. */

/** Seconds since 1970. */
export interface Clock {
  from: number;
  to: number;
}

const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
const time = "\\d{1,2}:\\d\\d(?::\\d\\d(?:[.,]\\d{1,9})?)?(?: ?[AP]M)?";
const zone = "(?: ?(?:Z|UTC|GMT|[+-]\\d\\d:?\\d\\d|[A-Z]{3,5}|GMT[+-]\\d+))";
const weekday = "(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )";

// Each with the day that it names, which has to be the clock's.
const forms: { pattern: RegExp; day: (match: RegExpExecArray) => number }[] = [
  // 2026-11-27T02:05:11.123+00:00, and with other separators
  {
    pattern: new RegExp(`(\\d{4})([-/.])(\\d\\d)\\2(\\d\\d)(?:[T _-]${time}${zone}?)?(?!\\d)`, "g"),
    day: ([, year, , month, day]) => Date.UTC(Number(year), Number(month) - 1, Number(day)),
  },
  // 20261127, 20261127020511, 20261127T020511Z
  {
    pattern: /(?<!\d)(20\d\d)(\d\d)(\d\d)(?:[T_-]?\d{4}(?:\d\d)?Z?)?(?!\d)/g,
    day: ([, year, month, day]) => Date.UTC(Number(year), Number(month) - 1, Number(day)),
  },
  // Fri Nov 27 02:05:11 UTC 2026 of date and ctime, Nov 27 2026 of __DATE__
  {
    pattern: new RegExp(`${weekday}?\\b(${months})[a-z]* {1,2}(\\d{1,2}),? (?:${time}${zone}? )?(\\d{4})`, "g"),
    day: ([, month, day, year]) => Date.UTC(Number(year), monthOf(month), Number(day)),
  },
  // Fri, 27 Nov 2026 02:05:11 +0000 of mail, Fri 27 Nov 2026 02:05:11 AM UTC of date in some locales
  {
    pattern: new RegExp(`${weekday}?\\b(\\d{1,2})[ -](${months})[a-z]*[ -](\\d{4})(?: ${time}${zone}?)?`, "g"),
    day: ([, day, month, year]) => Date.UTC(Number(year), monthOf(month), Number(day)),
  },
];

const monthOf = (name = ""): number => months.split("|").indexOf(name);
const dayMs = 86_400_000;

const english = { months: months.split("|"), days: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] };

// What a date has behind each. Estonian weekdays are single letters, which base64 is full of.
const behind = { months: "(?= {1,2}\\d|-\\d{4})", days: "(?=,? )" };

/** The text with short names of months and weekdays in English, where a date can have them. */
export function inEnglish(text: string, names: { months: string; days: string }): string {
  let rest = text;
  for (const kind of ["months", "days"] as const) {
    const local = names[kind].split(";");
    if (local.length !== english[kind].length || local[0] === english[kind][0]) continue;
    for (const [i, name] of local.entries()) {
      const bytes = Buffer.from(name)
        .toString("latin1")
        .replace(/[^\w\x80-\xff]/g, "\\$&");
      const word = new RegExp(`(?<![\\w\\x80-\\xff])${bytes}${behind[kind]}`, "g");
      if (bytes) rest = rest.replace(word, english[kind][i]!);
    }
  }
  return rest;
}

/**
 * The text with each moment near one of the clocks taken out.
 * @param offset of the zone in minutes, for times of day without a date; those of UTC count as well
 */
export function replaceTimes(text: string, clocks: readonly Clock[], offset = 0): string {
  const onDay = (moment: number): boolean =>
    clocks.some(({ from, to }) => moment >= from * 1000 - 2.1 * dayMs && moment <= to * 1000 + 2.1 * dayMs);
  const isNow = (seconds: number): boolean => clocks.some(({ from, to }) => seconds >= from - 5 && seconds <= to + 5);
  let rest = text;
  for (const { pattern, day } of forms) {
    rest = rest.replace(pattern, (...match) => (onDay(day(match as unknown as RegExpExecArray)) ? "<time>" : match[0]));
  }
  return rest
    .replace(/(?<![\d.])(\d{10})(\d{3}|\d{6}|\d{9})?(\.\d+)?(?!\d)/g, (found, seconds: string) =>
      isNow(Number(seconds)) ? "<time>" : found,
    )
    .replace(/(?<![\d:])(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?![\d:])/g, (found, ...parts: string[]) => {
      const [hours, minutes, seconds] = parts.map(Number) as [number, number, number];
      const ofDay = hours * 3600 + minutes * 60 + seconds;
      return [0, offset].some((ahead) => isTimeOfDay(ofDay - ahead * 60, clocks)) ? "<time>" : found;
    });
}

/** Whether a clock showed a time of day, in seconds since midnight UTC. A number of this form may be a duration as well. */
function isTimeOfDay(ofDay: number, clocks: readonly Clock[]): boolean {
  const day = 86_400;
  return clocks.some(({ from, to }) => {
    const since = (((ofDay - (from - 5)) % day) + day) % day;
    return since <= to - from + 10;
  });
}

/**
 * Whether two numbers in binary are moments near the clocks, at a place where bytes differ.
 * @param at the first byte that differs
 * @returns how many bytes the number ends behind `at`, or 0
 */
export function timeAt(
  first: Buffer,
  second: Buffer,
  at: number,
  clocks: Record<"first" | "second", { clock: Clock; realClock?: Clock }>,
): number {
  const within = (value: number, { from, to }: Clock): boolean => value >= from - 5 && value <= to + 5;
  const near = (value: number, { clock, realClock }: { clock: Clock; realClock?: Clock }): boolean =>
    within(value, clock) || (realClock !== undefined && within(value, realClock));
  for (const width of [4, 8]) {
    for (let start = at; start > at - width && start >= 0; start--) {
      if (start + width > Math.min(first.length, second.length)) continue;
      for (const scale of width === 4 ? [1] : [1, 1e3, 1e6, 1e9]) {
        for (const read of [littleEndian, bigEndian]) {
          const [a, b] = [read(first, start, width) / scale, read(second, start, width) / scale];
          if (near(a, clocks.first) && near(b, clocks.second)) return start + width - at;
        }
      }
    }
  }
  return 0;
}

const littleEndian = (bytes: Buffer, at: number, width: number): number =>
  width === 4 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at));
const bigEndian = (bytes: Buffer, at: number, width: number): number =>
  width === 4 ? bytes.readUInt32BE(at) : Number(bytes.readBigUInt64BE(at));
