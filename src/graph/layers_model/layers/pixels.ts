import type { Value } from '../value.js';
import { inputOf, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

/** One number, or one per channel (Keras's last axis). */
function perChannel(view: LayerView, name: string, input: Value, fallback: number): string {
  const values = view.config.numbers(name) ?? [fallback];
  if (values.length === 1) return view.write.scalar(values[0]);
  if (values.length !== input.dims[input.dims.length - 1]) {
    throw unsupportedLayer(view, `its ${name} has ${values.length} values, not one per channel`);
  }
  return view.write.alongside(input, `${view.path}/${name}`, [values.length], Float32Array.from(values));
}

/** x · scale + offset */
const rescaling: LayerRule = (view) => {
  const { write } = view;
  const input = write.unflattened(inputOf(view));
  const scaled = write.op('Mul', [input.name, perChannel(view, 'scale', input, 1)]);
  const offset = view.config.numbers('offset') ?? [0];
  if (offset.every((value) => value === 0)) return { ...input, name: scaled };
  return { ...input, name: write.op('Add', [scaled, perChannel(view, 'offset', input, 0)]) };
};

export const pixels: Record<string, LayerRule> = { Rescaling: rescaling };
