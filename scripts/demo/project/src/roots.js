/** Zeros of functions of one variable. */

/** Bisection: needs a change of sign between a and b. */
export function bisect(f, a, b, tolerance = 1e-12) {
  if (f(a) * f(b) > 0) throw new RangeError("f(a) and f(b) have the same sign");
  let [low, high] = f(a) < 0 ? [a, b] : [b, a];
  while (Math.abs(high - low) > tolerance) {
    const middle = (low + high) / 2;
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export function newton(f, derivative, start, tolerance = 1e-12) {
  let x = start;
  for (let step = 0; step < 100; step += 1) {
    const next = x - f(x) / derivative(x);
    if (Math.abs(next - x) < tolerance) return next;
    x = next;
  }
  throw new Error("no convergence in 100 steps");
}
