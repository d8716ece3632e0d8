/** An uncompressed little-endian TIFF with samples that sharp cannot write (float, signed). */
export function writeTiff(
  width: number,
  height: number,
  channels: number,
  data: Float32Array | Int16Array | Uint16Array | Uint32Array,
): Buffer {
  const bits = data.BYTES_PER_ELEMENT * 8;
  const format = data instanceof Float32Array ? 3 : data instanceof Int16Array ? 2 : 1;
  const [short, long] = [3, 4];
  const directory = 8;
  const lists = directory + 2 + 10 * 12 + 4;
  const pixels = lists + 4 * channels;
  const perSample = (value: number, at: number): [type: number, count: number, value: number] => [
    short,
    channels,
    channels === 1 ? value : at,
  ];
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, long, 1, width],
    [257, long, 1, height],
    [258, ...perSample(bits, lists)],
    [259, short, 1, 1],
    [262, short, 1, channels === 3 ? 2 : 1],
    [273, long, 1, pixels],
    [277, short, 1, channels],
    [278, long, 1, height],
    [279, long, 1, data.byteLength],
    [339, ...perSample(format, lists + 2 * channels)],
  ];
  const out = Buffer.alloc(pixels + data.byteLength);
  out.write('II*\0', 0, 'latin1');
  out.writeUInt32LE(directory, 4);
  out.writeUInt16LE(entries.length, directory);
  entries.forEach(([tag, type, count, value], i) => {
    const at = directory + 2 + 12 * i;
    out.writeUInt16LE(tag, at);
    out.writeUInt16LE(type, at + 2);
    out.writeUInt32LE(count, at + 4);
    out.writeUInt32LE(value, at + 8);
  });
  for (let c = 0; c < channels; c++) {
    out.writeUInt16LE(bits, lists + 2 * c);
    out.writeUInt16LE(format, lists + 2 * (channels + c));
  }
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), pixels);
  return out;
}
