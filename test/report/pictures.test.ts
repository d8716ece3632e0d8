import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { colormap, colormapNames } from '../../src/report/colormap.js';
import { renderContactSheet } from '../../src/report/contact_sheet.js';
import { blendHeat, heatAlpha } from '../../src/report/heat.js';
import { renderOverlay } from '../../src/report/overlay.js';
import { resampleMap, resampleMask } from '../../src/report/resample.js';
import { overlayName } from '../../src/report/selection.js';
import type { Subject } from '../../src/report/picture.js';

/** Mid-grey 64×64, hot in the upper left quarter, region of interest in the lower right one. */
function subject(size = 64): Required<Subject> {
  const saliency = new Float32Array(16).map((_, i) => (i % 4 < 2 && i < 8 ? 1 : 0));
  const roi = new Uint8Array(size * size).map((_, i) => Number(i % size >= size / 2 && i >= (size * size) / 2));
  return {
    picture: { width: size, height: size, channels: 1, data: new Float32Array(size * size).fill(0.5) },
    saliency: { width: 4, height: 4, data: saliency },
    roi,
  };
}

async function pixels(png: Buffer) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  return {
    ...info,
    at: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)],
    some: (match: (r: number, g: number, b: number) => boolean) => {
      for (let i = 0; i < data.length; i += 3) if (match(data[i], data[i + 1], data[i + 2])) return true;
      return false;
    },
  };
}

const isRoiCyan = (r: number, g: number, b: number) => r < 90 && g > 200 && b > 210;

describe('colours', () => {
  it.each(colormapNames)('%s gets lighter all the way', (name) => {
    const table = colormap(name);
    const lightness = Array.from(
      { length: 256 },
      (_, i) => 0.2126 * table[i * 3] + 0.7152 * table[i * 3 + 1] + 0.0722 * table[i * 3 + 2],
    );
    for (let i = 8; i < 256; i += 8) expect(lightness[i]).toBeGreaterThan(lightness[i - 8]);
  });

  it('unknown colour maps are named with the known ones', () => {
    expect(() => colormap('jet' as 'inferno')).toThrow(/jet.*inferno, magma, plasma, viridis/);
  });

  it('heat is opaque by saliency, and absent where there is none or NaN', () => {
    const alphas = Array.from({ length: 101 }, (_, i) => heatAlpha(i / 100));
    expect(alphas).toEqual([...alphas].sort((a, b) => a - b));
    expect(alphas[0]).toBe(0);
    const rgb = new Uint8Array(9).fill(100);
    blendHeat(rgb, Float32Array.of(0, NaN, 1), 'inferno');
    expect([...rgb.subarray(0, 6)]).toEqual([100, 100, 100, 100, 100, 100]);
    expect(rgb[6]).toBeGreaterThan(150);
  });
});

describe('resampling', () => {
  it('reads a map bilinearly at pixel centres, and nothing outside the part of the picture that it covers', () => {
    const map = { width: 2, height: 1, data: [0, 1] };
    expect([...resampleMap(map, undefined, { width: 4, height: 1 }, { width: 4, height: 1 })]).toEqual([
      0, 0.25, 0.75, 1,
    ]);
    const covers = { x0: 1, y0: 0, x1: 3, y1: 1 };
    expect([...resampleMap(map, covers, { width: 4, height: 1 }, { width: 4, height: 1 })]).toEqual([0, 0, 1, 0]);
  });

  it('keeps a region of interest that is smaller than a panel pixel', () => {
    const mask = new Uint8Array(100 * 100);
    mask[55 * 100 + 55] = 1;
    const small = resampleMask(mask, { width: 100, height: 100 }, { width: 10, height: 10 });
    expect(small.reduce((a, b) => a + b)).toBe(1);
    expect(small[5 * 10 + 5]).toBe(1);
  });
});

describe('overlays', () => {
  const caption = { title: '#1 · p-1', lines: ['score 0.9 · predicted tumour 0.61'] };

  it('shows the image, the heat where the saliency is, and the outline of the region of interest', async () => {
    const page = await pixels(await renderOverlay({ ...subject(), caption }));
    // Two panels of 384 beside each other: left plain, right heated in its upper left quarter only.
    const [plain, hot, cold] = [
      page.at(16 + 96, 44 + 96),
      page.at(16 + 384 + 12 + 96, 44 + 96),
      page.at(16 + 384 + 12 + 288, 44 + 96),
    ];
    expect(plain).toEqual([128, 128, 128]);
    expect(cold).toEqual([128, 128, 128]);
    expect(hot[0] - hot[2]).toBeGreaterThan(60); // inferno's warm end
    expect(page.some(isRoiCyan)).toBe(true);
    expect((await pixels(await renderOverlay({ ...subject(), roi: undefined, caption }))).some(isRoiCyan)).toBe(false);
  });

  it('gives equal bytes for equal input', async () => {
    expect(await renderOverlay({ ...subject(), caption })).toEqual(await renderOverlay({ ...subject(), caption }));
  });

  it.each([
    ['one pixel', { width: 1, height: 1, channels: 1 as const, data: Float32Array.of(0.3) }],
    ['a tall strip', { width: 3, height: 500, channels: 1 as const, data: new Float32Array(1500).fill(0.1) }],
    ['colour', { width: 20, height: 10, channels: 3 as const, data: new Float32Array(600).fill(0.9) }],
    ['NaN pixels', { width: 2, height: 2, channels: 1 as const, data: new Float32Array(4).fill(NaN) }],
  ])('draws %s', async (_, picture) => {
    const page = await pixels(await renderOverlay({ picture, saliency: subject().saliency, caption }));
    expect(page.width).toBeGreaterThan(500);
  });

  it('takes any text for an id, however long', async () => {
    const title = `<script>&"' ${'x'.repeat(400)} 患者 \u0000`;
    await expect(renderOverlay({ ...subject(), caption: { title, lines: [title] } })).resolves.toBeInstanceOf(Buffer);
  });

  it('refuses parts that do not fit each other', async () => {
    await expect(renderOverlay({ ...subject(), roi: new Uint8Array(7), caption })).rejects.toMatchObject({
      code: 'E_ROI',
    });
    const saliency = { ...subject().saliency, width: 5 };
    await expect(renderOverlay({ ...subject(), saliency, caption })).rejects.toMatchObject({ code: 'E_SHAPE' });
  });

  it('names files by rank and a safe form of the id', () => {
    expect(overlayName(3, '../a b/ü:c.dcm#7')).toBe('0003_..-a-b-c.dcm-7.png');
  });
});

describe('contact sheets', () => {
  const tile = (rank: number) => ({ ...subject(32), rank, id: `image-${rank}`, detail: '0.5 · normal 0.7' });

  it('grows by rows, and takes tiles as they come', async () => {
    async function* tiles(count: number) {
      for (let rank = 1; rank <= count; rank++) yield tile(rank);
    }
    const heights = [];
    for (const count of [1, 6, 7]) {
      const page = await pixels(await renderContactSheet(tiles(count), { title: 'Label next' }));
      expect(page.some(isRoiCyan)).toBe(true);
      heights.push(page.height);
    }
    expect(heights[0]).toBe(heights[1]);
    expect(heights[2]).toBeGreaterThan(heights[1] + 208);
  });

  it('says so when there is nothing to show, and refuses a senseless width', async () => {
    const page = await pixels(await renderContactSheet([], { title: 'Nothing' }));
    expect(page.height).toBeGreaterThan(60);
    await expect(renderContactSheet([tile(1)], { title: 't', columns: 0 })).rejects.toMatchObject({
      code: 'E_ARGUMENT',
    });
  });
});
