import { valuesOf } from '../constant.js';
import { UnknownShape, type NodeView, type OpRules } from './rules.js';
import type { ValueShape } from '../ir.js';

function scaled(view: NodeView, factors: ArrayLike<number>): ValueShape[] {
  const x = view.input(0);
  return [{ type: x.type, dims: x.dims.map((dim, axis) => Math.floor(dim * factors[axis])) }];
}

export const resizing: Record<string, OpRules> = {
  Resize: {
    shape: (view) => {
      if (view.opset < 11) return scaled(view, view.ints(1) ?? []);
      const x = view.input(0);
      const sizes = view.ints(3);
      const axes = view.node.attributes.axes;
      const on = axes?.kind === 'ints' ? axes.value : x.dims.map((_, axis) => axis);
      if (sizes?.length) return [{ type: x.type, dims: x.dims.map((dim, axis) => sizes[on.indexOf(axis)] ?? dim) }];
      const scales = view.ints(2);
      if (!scales?.length) throw new UnknownShape('neither sizes nor scales are constant');
      return scaled(
        view,
        x.dims.map((_, axis) => scales[on.indexOf(axis)] ?? 1),
      );
    },
  },
  Upsample: {
    shape: (view) => {
      const attribute = view.node.attributes.scales;
      const factors = attribute?.kind === 'floats' ? attribute.value : view.constant(1) && valuesOf(view.constant(1)!);
      if (!factors) throw new UnknownShape('its scales are not constant');
      return scaled(view, factors);
    },
  },
};
