import { expect, test } from "vitest";
import { fft, spectrum } from "../src/fourier.js";

test("an impulse has a flat spectrum", () =>
  expect(
    spectrum([
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]),
  ).toEqual([1, 1, 1, 1]));
test("a cosine of 65,536 points has two lines", () => {
  const size = 65_536;
  const lines = spectrum(Array.from({ length: size }, (_, index) => [Math.cos((2 * Math.PI * 5 * index) / size), 0]));
  expect(lines[5]).toBeCloseTo(size / 2, 4);
  expect(lines[6]).toBeCloseTo(0, 4);
});
test("energy is kept", () => {
  const signal = [
    [1, 2],
    [-3, 0],
    [0.5, 1],
    [4, -1],
  ];
  const energy = (pairs) => pairs.reduce((sum, [real, imaginary]) => sum + real ** 2 + imaginary ** 2, 0);
  expect(energy(fft(signal))).toBeCloseTo(4 * energy(signal), 10);
});
