/** Definite integrals. */

/** Composite Simpson rule; `steps` must be even. */
export function simpson(f, a, b, steps = 1000) {
  const width = (b - a) / steps;
  let sum = f(a) + f(b);
  for (let index = 1; index < steps; index += 1) sum += (index % 2 === 0 ? 2 : 4) * f(a + index * width);
  return (sum * width) / 3;
}

/** Monte Carlo with a seeded generator. */
export function monteCarlo(f, a, b, samples, random) {
  let sum = 0;
  for (let index = 0; index < samples; index += 1) sum += f(a + (b - a) * random());
  return ((b - a) * sum) / samples;
}
