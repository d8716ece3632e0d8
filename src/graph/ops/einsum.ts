import { stringAttribute, type Node } from '../ir.js';
import { ShapeMismatch, unsupportedOp, type GradientView, type NodeView, type OpRules } from './rules.js';

/** An equation with one letter per axis: ellipses and an implied result spelled out. */
interface Equation {
  terms: string[];
  result: string;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * @param ranks number of axes of each operand
 * @throws ShapeMismatch for an equation that does not fit the operands
 */
export function equationOf(node: Node, ranks: readonly number[]): Equation {
  const text = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, right] = text.split('->');
  const given = left.split(',');
  if (given.length !== ranks.length)
    throw new ShapeMismatch(`equation '${text}' names ${given.length} operands of ${ranks.length}`);
  const free = [...letters].filter((letter) => !text.includes(letter));
  const hidden = given.map((term, i) => (term.includes('...') ? ranks[i] - (term.length - 3) : 0));
  const most = Math.max(0, ...hidden);
  const spread = free.slice(0, most).join('');
  // Fewer hidden axes than another operand has: they are its last ones, as in broadcasting.
  const terms = given.map((term, i) => term.replace('...', spread.slice(most - hidden[i])));
  terms.forEach((term, i) => {
    if (term.length !== ranks[i])
      throw new ShapeMismatch(`equation '${text}': operand ${i} has ${ranks[i]} axes, not ${term.length}`);
  });
  const all = terms.join('');
  const once = [...new Set(all)].filter((letter) => !spread.includes(letter) && all.split(letter).length === 2).sort();
  return { terms, result: right === undefined ? spread + once.join('') : right.replace('...', spread) };
}

function shape(view: NodeView) {
  const operands = view.inputs();
  const { terms, result } = equationOf(
    view.node,
    operands.map((operand) => operand.dims.length),
  );
  const sizes = new Map<string, number>();
  terms.forEach((term, i) =>
    [...term].forEach((letter, axis) => {
      const size = operands[i].dims[axis];
      const before = sizes.get(letter) ?? 1;
      if (before !== 1 && size !== 1 && size !== before)
        throw new ShapeMismatch(`letter '${letter}' stands for both ${before} and ${size}`);
      sizes.set(letter, Math.max(before, size));
    }),
  );
  return [{ type: operands[0].type, dims: [...result].map((letter) => sizes.get(letter) ?? 1) }];
}

/** d/dA of "a,b,…->r" is the Einsum "r,b,…->a"; axes that were summed without a partner are spread again. */
function gradient(view: GradientView): (string | undefined)[] {
  const g = view.arriving(0);
  if (!g) return [];
  const { emit, node } = view;
  const { terms, result } = equationOf(
    node,
    node.inputs.map((input) => emit.dims(input).length),
  );
  if ([...terms, result].some((term) => new Set(term).size !== term.length))
    throw unsupportedOp(node, 'no gradient rule for an Einsum that takes a diagonal', 'Choose a later target layer.');
  return terms.map((term, i) => {
    if (!view.wants(i)) return undefined;
    const others = terms.flatMap((other, k) => (k === i ? [] : [{ term: other, input: node.inputs[k] }]));
    const known = new Set([result, ...others.map((other) => other.term)].join(''));
    const kept = [...term].filter((letter) => known.has(letter)).join('');
    const equation = [result, ...others.map((other) => other.term)].join(',') + `->${kept}`;
    const part = emit.op('Einsum', [g, ...others.map((other) => other.input)], { equation });
    const dims = emit.dims(node.inputs[i]);
    if (kept === term) return emit.unbroadcast(part, dims);
    const found = emit.dims(part);
    const opened = emit.reshape(
      part,
      [...term].map((letter) => (kept.includes(letter) ? found[kept.indexOf(letter)] : 1)),
    );
    const ones = [...term].map((letter, axis) => (kept.includes(letter) ? 1 : dims[axis]));
    return emit.unbroadcast(emit.mul(opened, emit.like(g, ones, onesOf(ones))), dims);
  });
}

function onesOf(dims: readonly number[]): Float32Array {
  return new Float32Array(dims.reduce((count, dim) => count * dim, 1)).fill(1);
}

export const einsum: Record<string, OpRules> = { Einsum: { shape, gradient } };
