/** Text of a file in a message: whoever wrote the file chose it, so it is cut, and nothing in it steers what shows it. */

// Control and format characters (terminal colours, text direction, invisible ones), unpaired surrogates, line separators.
const steering = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A name or path as a reader may see it: characters that show nothing, or change how others show, as `\u{…}`. @param longest where it is cut */
export function shown(text: string, longest = 100): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return short.replace(steering, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** The same in quotes, for a text that may hold spaces. */
export const quoted = (text: string, longest?: number): string => `"${shown(text, longest).replaceAll('"', '\\"')}"`;
