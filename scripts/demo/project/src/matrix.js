/** Dense matrices as arrays of rows. */

export const identity = (size) =>
  Array.from({ length: size }, (_, row) => Array.from({ length: size }, (_, column) => (row === column ? 1 : 0)));

export const transpose = (a) => a[0].map((_, column) => a.map((row) => row[column]));

export function multiply(a, b) {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => row.reduce((sum, value, index) => sum + value * column[index], 0)));
}

/** Solves a x = b by Gaussian elimination with partial pivoting. */
export function solve(a, b) {
  const rows = a.map((row, index) => [...row, b[index]]);
  const size = rows.length;
  for (let pivot = 0; pivot < size; pivot += 1) {
    let best = pivot;
    for (let row = pivot + 1; row < size; row += 1)
      if (Math.abs(rows[row][pivot]) > Math.abs(rows[best][pivot])) best = row;
    [rows[pivot], rows[best]] = [rows[best], rows[pivot]];
    for (let row = pivot + 1; row < size; row += 1) {
      const factor = rows[row][pivot] / rows[pivot][pivot];
      for (let column = pivot; column <= size; column += 1) rows[row][column] -= factor * rows[pivot][column];
    }
  }
  const x = new Array(size).fill(0);
  for (let row = size - 1; row >= 0; row -= 1) {
    const known = x.reduce((sum, value, column) => sum + (column > row ? rows[row][column] * value : 0), 0);
    x[row] = (rows[row][size] - known) / rows[row][row];
  }
  return x;
}
