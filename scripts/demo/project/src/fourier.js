/** Discrete Fourier transform of [real, imaginary] pairs; the length must be a power of two. */
export function fft(signal) {
  if (signal.length === 1) return signal;
  const even = fft(signal.filter((_, index) => index % 2 === 0));
  const odd = fft(signal.filter((_, index) => index % 2 === 1));
  const half = signal.length / 2;
  const result = new Array(signal.length);
  for (let index = 0; index < half; index += 1) {
    const angle = (-2 * Math.PI * index) / signal.length;
    const [real, imaginary] = odd[index];
    const turned = [
      real * Math.cos(angle) - imaginary * Math.sin(angle),
      real * Math.sin(angle) + imaginary * Math.cos(angle),
    ];
    result[index] = [even[index][0] + turned[0], even[index][1] + turned[1]];
    result[index + half] = [even[index][0] - turned[0], even[index][1] - turned[1]];
  }
  return result;
}

export const spectrum = (signal) => fft(signal).map(([real, imaginary]) => Math.hypot(real, imaginary));
