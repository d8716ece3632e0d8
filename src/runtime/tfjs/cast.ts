import type { Tf, TfTensor } from './value.js';

/** Converts elements; to booleans by whether they differ from zero, to integers towards zero. A tensor of its own. */
export function cast(tf: Tf, x: TfTensor, type: 'float32' | 'int32' | 'bool'): TfTensor {
  if (x.dtype === type) return tf.clone(x);
  if (type === 'bool') return tf.notEqual(x, tf.scalar(0, x.dtype as 'float32'));
  const converted = tf.cast(x, type);
  // On WebGPU the integers stay integers under another name, which not every shader can read: make them floats.
  return type === 'float32' && tf.getBackend() === 'webgpu' ? tf.mul(converted, tf.scalar(1)) : converted;
}
