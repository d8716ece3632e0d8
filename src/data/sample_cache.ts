import type { DecodedSample, RoiSource } from './types.js';

/** The memory of a {@link SampleCache}, to be sent to workers. */
export interface SampleCacheMemory {
  /** i32: a header, then a record per entry. */
  index: SharedArrayBuffer;
  /** What the entries hold; its length is the budget. */
  content: SharedArrayBuffer;
}

/** Places in the header and in an entry's record, which has as many numbers as the header. */
const record = 8;
const [used, kept] = [0, 1];
const [state, start, planes, coding, source, originalWidth, originalHeight] = [0, 1, 2, 3, 4, 5, 6];

const [empty, writing, ready] = [0, 1, 2];
const [floats, palettes] = [0, 1];
const sources: readonly RoiSource[] = ['none', 'mask', 'boxes'];

/** Positions are counted in units of this many bytes: 32-bit numbers then reach 16 GiB. */
const unit = 8;
const colours = 256;

/**
 * Decoded samples (image f32[C, H, W] and region u8[H, W] of 0 and 1) in memory that all threads share; a sample is
 * written once and then stays. Nothing is lost: what is read is bit for bit what was written. An image takes one plane
 * where its channels are equal (grey pictures for a model of three channels), a byte a pixel where a plane has at most
 * 256 different values (8-bit pictures that were not resized), a region a bit a pixel. A sample that finds no room is
 * not kept.
 */
export class SampleCache {
  readonly #index: Int32Array;

  constructor(
    readonly memory: SampleCacheMemory,
    private readonly channels: number,
    private readonly pixels: number,
  ) {
    this.#index = new Int32Array(memory.index);
  }

  /** An empty cache of `entries` samples and at most `bytes` of content; the system commits memory as it is filled. */
  static create(entries: number, bytes: number, channels: number, pixels: number): SampleCache {
    const most = entries * mostBytes(channels, pixels);
    const length = Math.max(0, Math.min(most, Math.floor(bytes), unit * (2 ** 31 - 1)));
    const memory = {
      index: new SharedArrayBuffer(4 * record * (entries + 1)),
      content: new SharedArrayBuffer(length),
    };
    return new SampleCache(memory, channels, pixels);
  }

  /** Bytes of content in use. */
  get bytes(): number {
    return Atomics.load(this.#index, used) * unit;
  }

  /** Bytes of content that are free. */
  get room(): number {
    return this.memory.content.byteLength - this.bytes;
  }

  /** Bytes that one more sample takes: the mean of those that are there, or the most that it can be. */
  get bytesEach(): number {
    const count = Atomics.load(this.#index, kept);
    return count ? this.bytes / count : mostBytes(this.channels, this.pixels);
  }

  /** Whether a sample can be read; −1 is no entry. */
  has(entry: number): boolean {
    return entry >= 0 && Atomics.load(this.#index, record * (entry + 1) + state) === ready;
  }

  /** Fills image and region from an entry; undefined when it is not there (yet). */
  read(entry: number, image: Float32Array, roi: Uint8Array): DecodedSample | undefined {
    const at = record * (entry + 1);
    if (!this.has(entry)) return undefined;
    const field = (name: number) => this.#index[at + name];
    const { pixels } = this;
    let from = field(start) * unit;
    for (let c = 0; c < field(planes); c++) {
      const plane = image.subarray(c * pixels, (c + 1) * pixels);
      if (field(coding) === floats) {
        plane.set(new Float32Array(this.memory.content, from, pixels));
        from += 4 * pixels;
      } else {
        const palette = new Float32Array(this.memory.content, from, colours);
        const indices = new Uint8Array(this.memory.content, from + 4 * colours, pixels);
        for (let i = 0; i < pixels; i++) plane[i] = palette[indices[i]];
        from += palettePlane(pixels);
      }
    }
    for (let c = field(planes); c < this.channels; c++) image.copyWithin(c * pixels, 0, pixels);
    if (field(source) === 0) roi.fill(0);
    else {
      const bits = new Uint8Array(this.memory.content, from, Math.ceil(pixels / 8));
      for (let i = 0; i < pixels; i++) roi[i] = (bits[i >> 3] >> (i & 7)) & 1;
    }
    return {
      roi: sources[field(source)],
      originalWidth: field(originalWidth),
      originalHeight: field(originalHeight),
    };
  }

  /** The same, as of a sample without a region. */
  readImage(entry: number, image: Float32Array, roi: Uint8Array): DecodedSample | undefined {
    const decoded = this.read(entry, image, roi);
    roi.fill(0);
    return decoded && { ...decoded, roi: 'none' };
  }

  /** Keeps a sample where there is room and no other thread has come first. */
  write(entry: number, decoded: DecodedSample, image: Float32Array, roi: Uint8Array): void {
    const at = record * (entry + 1);
    if (Atomics.compareExchange(this.#index, at + state, empty, writing) !== empty) return;
    const { pixels } = this;
    const distinct = this.#distinctPlanes(image);
    const coded = this.#paletteCoded(image, distinct);
    const regionBytes = decoded.roi === 'none' ? 0 : Math.ceil(pixels / 8);
    const size = distinct * (coded ? palettePlane(pixels) : 4 * pixels) + regionBytes;
    let to = this.#reserve(size);
    if (to === undefined) {
      Atomics.store(this.#index, at + state, empty);
      return;
    }
    this.#index.set(
      [
        to / unit,
        distinct,
        coded ? palettes : floats,
        sources.indexOf(decoded.roi),
        decoded.originalWidth,
        decoded.originalHeight,
      ],
      at + start,
    );
    for (let c = 0; c < distinct; c++) {
      if (coded) {
        new Uint32Array(this.memory.content, to, colours).set(coded[c].palette);
        new Uint8Array(this.memory.content, to + 4 * colours, pixels).set(coded[c].indices);
        to += palettePlane(pixels);
      } else {
        new Float32Array(this.memory.content, to, pixels).set(image.subarray(c * pixels, (c + 1) * pixels));
        to += 4 * pixels;
      }
    }
    const bits = new Uint8Array(this.memory.content, to, regionBytes);
    if (regionBytes) for (let i = 0; i < pixels; i++) if (roi[i]) bits[i >> 3] |= 1 << (i & 7);
    Atomics.store(this.#index, at + state, ready);
    Atomics.add(this.#index, kept, 1);
  }

  /** 1 when all channels are equal, else their number. */
  #distinctPlanes(image: Float32Array): number {
    const values = bitsOf(image);
    for (let i = this.pixels; i < values.length; i++) {
      if (values[i] !== values[i - this.pixels]) return this.channels;
    }
    return 1;
  }

  #paletteCoded(image: Float32Array, count: number): { palette: number[]; indices: Uint8Array }[] | undefined {
    const values = bitsOf(image);
    const coded = [];
    for (let c = 0; c < count; c++) {
      const known = new Map<number, number>();
      const indices = new Uint8Array(this.pixels);
      for (let i = 0; i < this.pixels; i++) {
        const value = values[c * this.pixels + i];
        let index = known.get(value);
        if (index === undefined) {
          if (known.size === colours) return undefined;
          known.set(value, (index = known.size));
        }
        indices[i] = index;
      }
      coded.push({ palette: [...known.keys()], indices });
    }
    // Small images: the palettes would take more than they save.
    return palettePlane(this.pixels) < 4 * this.pixels ? coded : undefined;
  }

  /** Where `size` bytes may be written; undefined when they do not fit. */
  #reserve(size: number): number | undefined {
    const units = roundedUp(size) / unit;
    const room = Math.floor(this.memory.content.byteLength / unit);
    for (let at = Atomics.load(this.#index, used); at + units <= room;) {
      const seen = Atomics.compareExchange(this.#index, used, at, at + units);
      if (seen === at) return at * unit;
      at = seen;
    }
    return undefined;
  }
}

const roundedUp = (bytes: number) => Math.ceil(bytes / unit) * unit;
const mostBytes = (channels: number, pixels: number) => roundedUp(4 * channels * pixels + Math.ceil(pixels / 8));
const palettePlane = (pixels: number) => 4 * colours + Math.ceil(pixels / 4) * 4;
/** Bit patterns: unlike numbers, they tell −0 from 0 and are equal to themselves. */
const bitsOf = (image: Float32Array) => new Uint32Array(image.buffer, image.byteOffset, image.length);
