import { floatAttribute, intAttribute } from '../../../graph/ir.js';
import { equationOf } from '../../../graph/ops/einsum.js';
import type { NodeRun, Op } from '../node_run.js';
import { permute } from '../permute.js';
import type { Tf, TfTensor } from '../value.js';
import { broadcast } from '../../../graph/ops/rules.js';

interface Term {
  x: TfTensor;
  /** One letter per axis. */
  letters: string;
}

/** The shape under which data was last a right factor. */
const rightFactors = new WeakMap<object, string>();

/**
 * The wasm backend keeps a prepared product per right factor, found by its data alone: the same data under another
 * shape must become data of its own.
 */
function asRightFactor(tf: Tf, b: TfTensor): TfTensor {
  const shape = b.shape.join();
  const before = rightFactors.get(b.dataId);
  if (before !== undefined && before !== shape) return tf.add(b, tf.scalar(0, b.dtype as 'float32'));
  rightFactors.set(b.dataId, shape);
  return b;
}

/** Matrix products of two stacks of matrices that broadcast. */
export function matrixProduct(tf: Tf, a: TfTensor, b: TfTensor, transposeB = false): TfTensor {
  const [left, right] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcast(left, right);
  const spread = (x: TfTensor, own: number[]): TfTensor => {
    const alone = own.every((size) => size === 1);
    return alone || own.join() === batch.join() ? x : tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)] as never);
  };
  // The plain JavaScript backend is wrong where both stacks are repeated.
  return tf.matMul(spread(a, left), asRightFactor(tf, spread(b, right)), false, transposeB);
}

/** Product of two terms, keeping the letters that `needed` names: one matrix product per batch. */
function contracted(tf: Tf, a: Term, b: Term, needed: string): Term {
  const summed = (term: Term, other: Term): Term => {
    const axes = [...term.letters].flatMap((l, i) => (other.letters.includes(l) || needed.includes(l) ? [] : [i]));
    if (axes.length === 0) return term;
    return { x: tf.sum(term.x, axes), letters: [...term.letters].filter((_, i) => !axes.includes(i)).join('') };
  };
  const left = summed(a, b);
  const right = summed(b, a);
  const shared = [...left.letters].filter((l) => right.letters.includes(l));
  const batch = shared.filter((l) => needed.includes(l));
  const inner = shared.filter((l) => !needed.includes(l));
  const rows = [...left.letters].filter((l) => !shared.includes(l));
  const columns = [...right.letters].filter((l) => !shared.includes(l));
  const size = (term: Term, letter: string) => term.x.shape[term.letters.indexOf(letter)];
  const count = (term: Term, letters: string[]) => letters.reduce((n, l) => n * size(term, l), 1);
  const arranged = (term: Term, first: string[], second: string[]) =>
    tf.reshape(
      permute(
        tf,
        term.x,
        [...batch, ...first, ...second].map((l) => term.letters.indexOf(l)),
      ),
      [...batch.map((l) => size(term, l)), count(term, first), count(term, second)],
    );
  const y = matrixProduct(tf, arranged(left, rows, inner), arranged(right, inner, columns));
  const dims = [
    ...batch.map((l) => Math.max(size(left, l), size(right, l))),
    ...rows.map((l) => size(left, l)),
    ...columns.map((l) => size(right, l)),
  ];
  return { x: tf.reshape(y, dims), letters: [...batch, ...rows, ...columns].join('') };
}

/** Summed over axes of size 1 that stand for a longer one elsewhere, a product would be wrong: broadcast them first. */
function einsum(run: NodeRun): TfTensor {
  const { tf, node } = run;
  const values = run.values();
  const { terms, result } = equationOf(
    node,
    values.map((value) => value.rank),
  );
  if ([...terms, result].some((term) => new Set(term).size !== term.length))
    throw run.unsupported('its equation takes a diagonal');
  const sizes = new Map<string, number>();
  terms.forEach((term, i) =>
    [...term].forEach((l, axis) => sizes.set(l, Math.max(sizes.get(l) ?? 1, values[i].dims[axis]))),
  );
  const operands = terms.map((letters, i) => {
    const dims = [...letters].map((l) => sizes.get(l) ?? 1);
    const x = values[i].plain();
    const narrow = [...letters].some((l, axis) => dims[axis] !== x.shape[axis] && !result.includes(l));
    return { x: narrow ? tf.broadcastTo(x, dims as never) : x, letters };
  });
  let total = operands[0];
  operands.slice(1).forEach((operand, i) => {
    const later = operands.slice(i + 2).map((term) => term.letters);
    total = contracted(tf, total, operand, result + later.join(''));
  });
  const gone = [...total.letters].flatMap((l, axis) => (result.includes(l) ? [] : [axis]));
  const x = gone.length > 0 ? tf.sum(total.x, gone) : total.x;
  const left = [...total.letters].filter((l) => result.includes(l));
  return permute(
    tf,
    x,
    [...result].map((l) => left.indexOf(l)),
  );
}

export const linear: Record<string, Op> = {
  Gemm: (run) => {
    const { tf, node } = run;
    const [transA, transB] = [intAttribute(node, 'transA', 0) === 1, intAttribute(node, 'transB', 0) === 1];
    const scaled = (x: TfTensor, factor: number) => (factor === 1 ? x : tf.mul(x, tf.scalar(factor)));
    const product = scaled(
      tf.matMul(run.x(0), asRightFactor(tf, run.x(1)), transA, transB),
      floatAttribute(node, 'alpha', 1),
    );
    return run.has(2) ? tf.add(product, scaled(run.x(2), floatAttribute(node, 'beta', 1))) : product;
  },
  MatMul: (run) => {
    const { tf } = run;
    const [a, b] = [run.x(0), run.x(1)];
    // A vector counts as one row (left) or one column (right), and the extra axis is dropped again.
    const row = a.rank === 1;
    const column = b.rank === 1;
    const y = matrixProduct(tf, row ? tf.expandDims(a, 0) : a, column ? tf.expandDims(b, 1) : b);
    const dims = y.shape.filter((_, axis) => !(row && axis === y.rank - 2) && !(column && axis === y.rank - 1));
    return row || column ? tf.reshape(y, dims) : y;
  },
  Einsum: einsum,
};
