/**
 * Maximal correlation coefficient of a co-occurrence distribution (Haralick et al. 1973): the square root of the second
 * largest eigenvalue of Q(i,j) = Σ_k p(i,k) p(j,k) / (px(i) py(k)). Q is similar to N Nᵀ with
 * N = Dx^(−1/2) P Dy^(−1/2), Dx = diag(px), Dy = diag(py), rows and columns without a pair left 0, so that only a
 * symmetric matrix has to be solved: for a symmetric p the second largest |eigenvalue| of N itself, else the square root
 * of the second largest eigenvalue of N Nᵀ. One level: 1.
 *
 * pyradiomics solves the unsymmetric Q; its eigenvalues carry rounding noise, which turns into NaN (skipped in the mean
 * over offsets) or a complex number's real part when one is slightly below 0. That noise is not reproduced.
 *
 * @param p [n, n] row by row, sum 1
 * @param present indices that count as levels, even where p has no pair of them
 */
export function maximalCorrelation(p: Float64Array, n: number, present: readonly number[], symmetric: boolean): number {
  if (present.length < 2) return 1;
  const m = present.length;
  const px = present.map((i) => present.reduce((s, j) => s + p[i * n + j], 0));
  const py = present.map((j) => present.reduce((s, i) => s + p[i * n + j], 0));
  const N = present.map((i, r) =>
    present.map((j, c) => (p[i * n + j] === 0 ? 0 : p[i * n + j] / Math.sqrt(px[r] * py[c]))),
  );
  if (symmetric) {
    const sizes = symmetricEigenvalues(N).map(Math.abs);
    return sizes.sort((a, b) => b - a)[1];
  }
  const square = N.map((row) => N.map((other) => row.reduce((s, v, k) => s + v * other[k], 0)));
  const values = symmetricEigenvalues(square).sort((a, b) => b - a);
  return Math.sqrt(Math.max(0, values[Math.min(1, m - 1)]));
}

/**
 * Eigenvalues of a symmetric matrix, in no order, by cyclic Jacobi rotations (Golub and Van Loan, "Matrix computations",
 * 8.5): each sweep turns every off-diagonal element to 0 in turn, until they are below rounding.
 */
export function symmetricEigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => Float64Array.from(row));
  const n = a.length;
  const scale = Math.sqrt(a.reduce((s, row) => s + row.reduce((t, v) => t + v * v, 0), 0));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += a[i][j] ** 2;
    if (Math.sqrt(off) <= 1e-15 * scale) break;
    for (let q = 1; q < n; q++) for (let p = 0; p < q; p++) rotate(a, p, q);
  }
  return a.map((row, i) => row[i]);
}

/** The rotation in the plane of axes p and q that makes a[p][q] 0. */
function rotate(a: readonly Float64Array[], p: number, q: number): void {
  if (a[p][q] === 0) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[k][p], a[k][q]];
    a[k][p] = c * x - s * y;
    a[k][q] = s * x + c * y;
  }
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[p][k], a[q][k]];
    a[p][k] = c * x - s * y;
    a[q][k] = s * x + c * y;
  }
  a[p][q] = 0;
  a[q][p] = 0;
}
