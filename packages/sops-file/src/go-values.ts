/** How Go writes and reads values, which decides the bytes of the MAC: https://pkg.go.dev/strconv and https://pkg.go.dev/time. */

/**
 * Go's `FormatFloat(number, 'f', -1, 64)`: the fewest digits that name the number, never with an exponent.
 * JavaScript finds the same digits and only writes them otherwise.
 */
export function formatFloat(number: number): string {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "+Inf" : "-Inf";
  if (Object.is(number, -0)) return "-0";
  const text = String(number);
  const [, sign = "", whole = "", fraction = "", exponent] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits.padEnd(point, "0");
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Go's `ParseFloat` for decimal numbers, infinities and NaN; undefined for anything else. */
export function parseFloat64(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    const number = Number(text);
    return Number.isFinite(number) ? number : undefined; // out of range is an error there
  }
  const [, sign, word] = /^([+-]?)(inf|infinity|nan)$/i.exec(text) ?? [];
  if (word === undefined) return undefined;
  if (/^nan$/i.test(word)) return sign === "" ? Number.NaN : undefined;
  return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const [smallest, largest] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Go's `ParseInt(text, base, 64)` as decimal text; undefined when it is no such number or out of range. */
export function parseInt64(text: string, base: 2 | 8 | 10 | 16 = 10): string | undefined {
  const digits = { 2: /^[+-]?[01]+$/, 8: /^[+-]?[0-7]+$/, 10: /^[+-]?\d+$/, 16: /^[+-]?[\da-f]+$/i }[base];
  if (text.length > 100 || !digits.test(text)) return undefined;
  const prefix = { 2: "0b", 8: "0o", 10: "", 16: "0x" }[base];
  const magnitude = BigInt(prefix + text.replace(/^[+-]/, ""));
  const value = text.startsWith("-") ? -magnitude : magnitude;
  return value >= smallest && value <= largest ? String(value) : undefined;
}

/** Go's `ParseBool`. */
export function parseBool(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

const timePattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;
const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

/**
 * A time as Go writes it after reading it (RFC 3339 with nanoseconds, without zeros at the end); undefined when it is none.
 * @param text RFC 3339 with two digits in each field
 */
export function normaliseTime(text: string): string | undefined {
  const [, year, month, day, hour, minute, second, fraction = "", zone = ""] = timePattern.exec(text) ?? [];
  if (year === undefined) return undefined;
  const [y, m, d] = [year, month, day].map(Number) as [number, number, number];
  if (m < 1 || m > 12 || d < 1 || d > daysIn(y, m)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const [zoneHour, zoneMinute] = zone === "Z" ? [0, 0] : [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (zoneHour > 23 || zoneMinute > 59) return undefined;
  const nanoseconds = fraction.slice(0, 9).replace(/0+$/, "");
  const offset = zoneHour === 0 && zoneMinute === 0 ? "Z" : zone;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${nanoseconds && `.${nanoseconds}`}${offset}`;
}

/** The same without fractions, as Go's `Format(time.RFC3339)` writes it. */
export const withoutFraction = (time: string): string => time.replace(/\.\d+/, "");
