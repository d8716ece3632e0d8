import { cast } from '../cast.js';
import { intAttribute } from '../../../graph/ir.js';
import { elementwise, folding } from '../elementwise.js';
import type { Op } from '../node_run.js';
import type { Tf, TfTensor } from '../value.js';

/** Integers divide towards zero. */
function quotient(tf: Tf, a: TfTensor, b: TfTensor): TfTensor {
  if (a.dtype !== 'int32') return tf.div(a, b);
  return cast(tf, tf.div(cast(tf, a, 'float32'), cast(tf, b, 'float32')), 'int32');
}

/** fmod takes the sign of the dividend, the other kind that of the divisor. */
function remainder(tf: Tf, a: TfTensor, b: TfTensor, truncated: boolean): TfTensor {
  if (!truncated) return tf.mod(a, b);
  return tf.sub(a, tf.mul(b, tf.cast(tf.cast(tf.div(a, b), 'int32'), a.dtype)));
}

type Compare = 'equal' | 'greater' | 'greaterEqual' | 'less' | 'lessEqual';

/** Booleans compare as integers. */
function comparison(name: Compare): Op {
  const number = (tf: Tf, x: TfTensor) => (x.dtype === 'bool' ? tf.cast(x, 'int32') : x);
  return folding((tf, a, b) => tf[name](number(tf, a), number(tf, b)));
}

export const arithmetic: Record<string, Op> = {
  Add: folding((tf, a, b) => tf.add(a, b)),
  Sum: folding((tf, a, b) => tf.add(a, b)),
  Sub: folding((tf, a, b) => tf.sub(a, b)),
  Mul: folding((tf, a, b) => tf.mul(a, b)),
  Div: folding(quotient),
  Pow: (run) => {
    const { tf } = run;
    const [base, exponent] = [run.value(0), run.value(1)];
    const power = exponent.rank === 0 ? exponent.numbers()?.[0] : undefined;
    if (power === 2) return elementwise([base], (x) => tf.square(x));
    return elementwise([base, exponent], (a, b) => tf.pow(a, b.dtype === a.dtype ? b : tf.cast(b, a.dtype)));
  },
  Mod: folding((tf, a, b, run) => remainder(tf, a, b, intAttribute(run.node, 'fmod', 0) === 1)),
  Min: folding((tf, a, b) => tf.minimum(a, b)),
  Max: folding((tf, a, b) => tf.maximum(a, b)),
  Mean: (run) => {
    const { tf } = run;
    const values = run.values();
    return elementwise(values, (...all) =>
      tf.div(
        all.reduce((a, b) => tf.add(a, b)),
        tf.scalar(values.length),
      ),
    );
  },
  Equal: comparison('equal'),
  Greater: comparison('greater'),
  GreaterOrEqual: comparison('greaterEqual'),
  Less: comparison('less'),
  LessOrEqual: comparison('lessEqual'),
  And: folding((tf, a, b) => tf.logicalAnd(a, b)),
  Or: folding((tf, a, b) => tf.logicalOr(a, b)),
  Xor: folding((tf, a, b) => tf.logicalXor(a, b)),
  Where: (run) => elementwise(run.values(), (condition, a, b) => run.tf.where(condition, a, b)),
};
