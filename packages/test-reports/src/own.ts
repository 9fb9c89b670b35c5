/** A copy of its own: what is cut from a chunk of text keeps the whole chunk in memory. */
export function own(text: string): string {
  return text.length < 13 ? text : Buffer.from(text).toString();
}
