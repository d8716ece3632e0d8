/** Room for the sums of the tests of one leaf, so that no call allocates. */
export class GainSums {
  readonly leftCount: Float64Array;
  readonly left: Float64Array;
  readonly right: Float64Array;

  constructor(readonly tests: number) {
    this.leftCount = new Float64Array(tests);
    this.left = new Float64Array(tests);
    this.right = new Float64Array(tests);
  }
}

const square = (n: number) => n * n;
const entropyTerm = (n: number) => (n > 0 ? n * Math.log2(n) : 0);

/**
 * The test with the largest gain ΔL = L(R) − |R₁|/|R| L(R₁) − |R₂|/|R| L(R₂), the first of equals; index −1 when no test
 * parts the samples or they are of one class. L is the Gini impurity 1 − Σ p² or the entropy −Σ p log₂ p: with
 * S = Σ n² or Σ n log₂ n over classes, n·L is n − S/n and n log₂ n − S.
 * @param left counts[classes, tests] on the side that a test answers "below", from `at` on
 * @param total counts[classes] of the leaf, from `totalAt` on
 */
export function bestTest(
  criterion: 'gini' | 'entropy',
  left: Uint32Array,
  at: number,
  total: Uint32Array,
  totalAt: number,
  classes: number,
  sums: GainSums,
): { index: number; gain: number } {
  const term = criterion === 'gini' ? square : entropyTerm;
  const { tests, leftCount, left: leftSum, right: rightSum } = sums;
  leftCount.fill(0);
  leftSum.fill(0);
  rightSum.fill(0);
  let count = 0;
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const n = total[totalAt + c];
    if (n === 0) continue;
    count += n;
    sum += term(n);
    const row = at + c * tests;
    for (let i = 0; i < tests; i++) {
      const l = left[row + i];
      leftCount[i] += l;
      leftSum[i] += term(l);
      rightSum[i] += term(n - l);
    }
  }
  const spread =
    criterion === 'gini' ? (n: number, s: number) => n - s / n : (n: number, s: number) => entropyTerm(n) - s;
  const whole = spread(count, sum);
  let [index, gain] = [-1, 0];
  if (!(whole > 0)) return { index, gain };
  for (let i = 0; i < tests; i++) {
    const l = leftCount[i];
    if (l === 0 || l === count) continue;
    const found = (whole - spread(l, leftSum[i]) - spread(count - l, rightSum[i])) / count;
    if (index < 0 || found > gain) [index, gain] = [i, found];
  }
  return { index, gain };
}
