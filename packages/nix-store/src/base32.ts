/**
 * Nix's base 32: 5 bits a character from the end of the bytes to their begin, in an alphabet without e, o, t and u.
 * As in `printHash32` of Nix: https://github.com/NixOS/nix/blob/master/src/libutil/hash.cc
 */
const alphabet = "0123456789abcdfghijklmnpqrsvwxyz";

/** @returns the text; 52 characters for the 32 bytes of a SHA-256 */
export function encodeBase32(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 8) / 5);
  let text = "";
  for (let n = length - 1; n >= 0; n--) {
    const bit = n * 5;
    const [at, shift] = [bit >> 3, bit & 7];
    text += alphabet[(((bytes[at]! | ((bytes[at + 1] ?? 0) << 8)) >> shift) & 31) as number];
  }
  return text;
}

/** @returns the bytes, or undefined when the text is no base 32 or has bits left over */
export function decodeBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  for (let n = 0; n < text.length; n++) {
    const digit = alphabet.indexOf(text[text.length - 1 - n]!);
    if (digit < 0) return undefined;
    const bit = n * 5;
    const [at, shift] = [bit >> 3, bit & 7];
    if (at < bytes.length) bytes[at]! |= (digit << shift) & 255;
    else if ((digit << shift) & 255) return undefined;
    const carry = digit >> (8 - shift);
    if (carry === 0) continue;
    if (at + 1 >= bytes.length) return undefined;
    bytes[at + 1]! |= carry;
  }
  return bytes;
}
