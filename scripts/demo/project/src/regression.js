import { multiply, solve, transpose } from "./matrix.js";
import { mean } from "./stats.js";

/** Least squares by the normal equations: coefficients of a polynomial, constant first. */
export function fit(x, y, degree) {
  const design = x.map((value) => Array.from({ length: degree + 1 }, (_, power) => value ** power));
  const transposed = transpose(design);
  return solve(
    multiply(transposed, design),
    transposed.map((row) => row.reduce((sum, value, index) => sum + value * y[index], 0)),
  );
}

/** Share of the variance that the fit explains. */
export function explained(x, y, coefficients) {
  const average = mean(y);
  const predict = (value) => coefficients.reduce((sum, coefficient, power) => sum + coefficient * value ** power, 0);
  const left = y.reduce((sum, value, index) => sum + (value - predict(x[index])) ** 2, 0);
  return 1 - left / y.reduce((sum, value) => sum + (value - average) ** 2, 0);
}
