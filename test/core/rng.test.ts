import { describe, expect, it } from 'vitest';
import { philox4x32, Rng } from '../../src/core/rng.js';

describe('Philox-4x32-10', () => {
  // Known-answer vectors of the Random123 distribution (kat_vectors).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as [number[], [number, number], number[]][])('block %#', (counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual(expected);
  });
});

describe('Rng', () => {
  it('gives each key its own reproducible stream', () => {
    const draw = (...key: (string | number)[]) =>
      Array.from(
        { length: 9 },
        (
          (rng) => () =>
            rng.uint32()
        )(new Rng(7, ...key)),
      );
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
    expect(draw('1')).not.toEqual(draw(1));
  });

  it('draws uniforms with the right moments', () => {
    const rng = new Rng(1);
    const n = 20000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const u = rng.uniform();
      expect(u).toBeGreaterThanOrEqual(0);
      expect(u).toBeLessThan(1);
      sum += u;
      squares += u * u;
    }
    expect(sum / n).toBeCloseTo(1 / 2, 2);
    expect(squares / n).toBeCloseTo(1 / 3, 2);
  });

  it('draws standard normals', () => {
    const rng = new Rng(2);
    const draws = Array.from({ length: 20000 }, () => rng.normal());
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });

  it('shuffles without losing or repeating items', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const shuffled = new Rng(3).shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });
});
