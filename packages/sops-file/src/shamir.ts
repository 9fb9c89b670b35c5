/**
 * Shamir's secret sharing over GF(2^8) with the polynomial of AES, byte by byte; the last byte of a share is its x.
 * https://github.com/getsops/sops/blob/v3.13.2/shamir/shamir.go
 */
import { SopsError } from "./errors.ts";

// Logarithms to the base 3, which generates all non-zero elements.
const exp = new Uint8Array(510);
const log = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  exp[i] = exp[i + 255] = x;
  log[x] = i;
  const doubled = (x << 1) ^ (x & 0x80 ? 0x11b : 0);
  x ^= doubled & 0xff;
}

const multiply = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : exp[log[a]! + log[b]!]!);
const divide = (a: number, b: number): number => (a === 0 ? 0 : exp[log[a]! + 255 - log[b]!]!);

/**
 * The secret that shares stand for: the value at zero of the polynomial through them.
 * @param shares at least two, of equal length; too few of them give another secret, which only the MAC tells
 * @throws SopsError when they do not belong together
 */
export function combineShares(shares: readonly Uint8Array[]): Buffer {
  const length = shares[0]?.length ?? 0;
  const xs = shares.map((share) => share.at(-1) ?? 0);
  if (
    shares.length < 2 ||
    length < 2 ||
    shares.some((share) => share.length !== length) ||
    new Set(xs).size < xs.length
  )
    throw new SopsError("no-key", "The parts of the data key, one of each key group, do not belong together.");
  // Lagrange's basis at zero; minus is plus here.
  const basis = xs.map((x, i) =>
    xs.reduce((product, other, j) => (i === j ? product : multiply(product, divide(other, x ^ other))), 1),
  );
  return Buffer.from(
    Array.from({ length: length - 1 }, (_, at) =>
      shares.reduce((sum, share, i) => sum ^ multiply(share[at]!, basis[i]!), 0),
    ),
  );
}
