import { intAttribute } from '../ir.js';
import { axisOf, product, sameAsInput, type GradientView, type OpRules } from './rules.js';

/**
 * Runs `rule` on gradient and output shaped so that the normalised axis is the one given: before operator set 13
 * Softmax flattened its input to two axes at `axis` and normalised over all of the second.
 */
function alongNormalised(
  view: GradientView,
  rule: (g: string, y: string, axis: number) => string,
): (string | undefined)[] {
  const g = view.arriving(0);
  if (!g) return [undefined];
  const { emit, node } = view;
  const [y] = node.outputs;
  const dims = emit.dims(y);
  const flattens = view.opset < 13;
  const axis = axisOf(intAttribute(node, 'axis', flattens ? 1 : -1), dims.length);
  if (!flattens || axis === dims.length - 1) return [rule(g, y, axis)];
  const rows = [product(dims.slice(0, axis)), product(dims.slice(axis))];
  return [emit.reshape(rule(emit.reshape(g, rows), emit.reshape(y, rows), 1), dims)];
}

export const softmax: Record<string, OpRules> = {
  Softmax: {
    shape: sameAsInput,
    // y·(g − Σ g·y)
    gradient: (view) =>
      alongNormalised(view, (g, y, axis) => {
        const weighted = view.emit.mul(g, y);
        return view.emit.sub(weighted, view.emit.mul(y, view.emit.reduceSum(weighted, [axis], true)));
      }),
  },
  LogSoftmax: {
    shape: sameAsInput,
    // g − eʸ·Σ g
    gradient: (view) =>
      alongNormalised(view, (g, y, axis) =>
        view.emit.sub(g, view.emit.mul(view.emit.op('Exp', [y]), view.emit.reduceSum(g, [axis], true))),
      ),
  },
  Hardmax: { shape: sameAsInput },
};
