/** Durations as reports write them. */

export type TimeUnit = "s" | "ms";

const week = 7 * 24 * 3600 * 1000;

/**
 * Milliseconds of a `time` attribute; null where there is none, undefined where it cannot be true: not a number,
 * negative, or over a week. Reads `1,234.5` (old Surefire), `0,5` (decimal comma), `1.7e-05` and `0.`.
 */
export function parseTime(text: string | undefined, unit: TimeUnit): number | null | undefined {
  if (text === undefined || text === "") return null;
  let plain = text.trim();
  if (plain.includes(",")) {
    const decimalComma = /^\d+,\d+$/.test(plain) && !/^[1-9]\d{0,2}(?:,\d{3})+$/.test(plain);
    plain = decimalComma ? plain.replace(",", ".") : plain.replaceAll(",", "");
  }
  const value = /^\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain) ? Number(plain) : Number.NaN;
  const ms = unit === "s" ? value * 1000 : value;
  if (!(ms <= week)) return undefined;
  // Microseconds are the finest that any clock here tells; more digits are noise of the multiplication.
  return Math.round(ms * 1000) / 1000;
}

/**
 * The unit of a suite's times: seconds, unless they would have had the suite end long after its report was written.
 * @param started the suite's `timestamp`; @param time its `time`; @param written when the report was, in ms since 1970.
 */
export function unitOf(started: string | undefined, time: string | undefined, written: number | null): TimeUnit {
  const took = parseTime(time, "s");
  const begin = Date.parse(started ?? "");
  if (!took || Number.isNaN(begin) || written === null) return "s";
  // Without a zone the clock may be any; many cores may spend many seconds in one.
  const slack = /(?:Z|[+-]\d\d:?\d\d)$/.test(started!) ? 2000 : 15 * 3600 * 1000;
  const elapsed = written - begin;
  return elapsed > -slack && took > 200 * (Math.max(elapsed, 0) + slack) ? "ms" : "s";
}
