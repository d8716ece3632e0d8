import type { Definition } from './call.js';
import { broadcastDims, forEachIndex, read, readBroadcast, tabulate, type Value } from './value.js';

/** Last two axes of `x` as a matrix; all axes before them broadcast. */
function product(a: Value, b: Value): Value {
  const [rows, inner] = a.dims.slice(-2);
  const columns = b.dims[b.dims.length - 1];
  const lead = broadcastDims(a.dims.slice(0, -2), b.dims.slice(0, -2));
  return tabulate([...lead, rows, columns], (index) => {
    const outer = index.slice(0, -2);
    const [row, column] = index.slice(-2);
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += readMatrix(a, outer, row, k) * readMatrix(b, outer, k, column);
    return sum;
  });
}

function readMatrix(x: Value, outer: readonly number[], row: number, column: number): number {
  const lead = x.dims.slice(0, -2);
  const own = lead.map((dim, axis) => (dim === 1 ? 0 : outer[outer.length - lead.length + axis]));
  return read(x, [...own, row, column]);
}

export const linear: Record<string, Definition> = {
  MatMul: (call) => {
    const [a, b] = [call.x(0), call.x(1)];
    const left = a.dims.length === 1 ? { ...a, dims: [1, ...a.dims] } : a;
    const right = b.dims.length === 1 ? { ...b, dims: [...b.dims, 1] } : b;
    const y = product(left, right);
    // The axis that was lent to a vector goes again.
    const last = y.dims.length - 1;
    const dims = y.dims.filter((_, axis) =>
      axis === last ? b.dims.length > 1 : axis !== last - 1 || a.dims.length > 1,
    );
    return [{ ...y, dims }];
  },
  Gemm: (call) => {
    const [a, b] = [call.x(0), call.x(1)];
    const [transA, transB] = [call.int('transA', 0), call.int('transB', 0)];
    const inner = a.dims[transA ? 0 : 1];
    const dims = [a.dims[transA ? 1 : 0], b.dims[transB ? 0 : 1]];
    const y = tabulate(dims, ([row, column]) => {
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum += read(a, transA ? [k, row] : [row, k]) * read(b, transB ? [column, k] : [k, column]);
      const bias = call.has(2) ? readBroadcast(call.x(2), [row, column]) : 0;
      return call.float('alpha', 1) * sum + call.float('beta', 1) * bias;
    });
    return [y];
  },
  // One letter per axis: the product of all operands, summed over the letters that the result lacks.
  Einsum: (call) => {
    const operands = call.all();
    const [left, right] = call.text('equation', '').replaceAll(' ', '').split('->');
    const terms = left.split(',').map((term) => [...term.replace('...', '.')]);
    const hidden = Math.max(
      0,
      ...terms.map((term, i) => (term.includes('.') ? operands[i].dims.length - term.length + 1 : 0)),
    );
    // Axes under the ellipsis are numbered from the last one: '0' is the last.
    const spread = (count: number) => Array.from({ length: count }, (_, i) => String(count - 1 - i));
    const axes = terms.map((term, i) =>
      term.flatMap((letter) => (letter === '.' ? spread(operands[i].dims.length - term.length + 1) : [letter])),
    );
    const seen = terms.flat().filter((letter) => letter !== '.');
    const result =
      right === undefined
        ? [...spread(hidden), ...seen.filter((letter) => seen.indexOf(letter) === seen.lastIndexOf(letter)).sort()]
        : [...right.replace('...', '.')].flatMap((letter) => (letter === '.' ? spread(hidden) : [letter]));
    const sizes = new Map<string, number>();
    axes.forEach((names, i) =>
      names.forEach((name, axis) => sizes.set(name, Math.max(sizes.get(name) ?? 1, operands[i].dims[axis]))),
    );
    const summed = [...sizes.keys()].filter((name) => !result.includes(name));
    const dims = (names: readonly string[]) => names.map((name) => sizes.get(name) as number);
    const y = tabulate(dims(result), (index) => {
      let sum = 0;
      forEachIndex(dims(summed), (inner) => {
        const at = new Map([
          ...result.map((name, k) => [name, index[k]] as const),
          ...summed.map((name, k) => [name, inner[k]] as const),
        ]);
        sum += operands.reduce(
          (p, x, i) =>
            p *
            readBroadcast(
              x,
              axes[i].map((name) => at.get(name) as number),
            ),
          1,
        );
      });
      return sum;
    });
    return [y];
  },
};
