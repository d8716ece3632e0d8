import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { renderLearningCurves } from '../../src/report/learning_curves.js';

const size = async (png: Buffer) => {
  const { width, height, channels } = await sharp(png).metadata();
  return [width, height, channels];
};

describe('renderLearningCurves', () => {
  it('draws a panel each, the same bytes every time', async () => {
    const training = { name: 'training', points: [1, 2, 3].map((x) => [10 * x, 1 / x] as const) };
    const validation = { name: 'validation', points: [1, 2, 3].map((x) => [10 * x, x === 2 ? NaN : 1.2 / x] as const) };
    const panels = [
      { title: 'Loss', curves: [training, validation] },
      { title: 'auc', curves: [{ name: 'auc', points: [[30, 0.5]] as const }] },
    ];
    const png = await renderLearningCurves({ panels, marked: 30 });
    expect(await size(png)).toEqual([900, 520, 3]);
    expect(await renderLearningCurves({ panels, marked: 30 })).toEqual(png);
    expect(await renderLearningCurves({ panels })).not.toEqual(png);
  });

  it('takes runs with nothing to draw', async () => {
    const nothing = { name: 'training', points: [[10, NaN]] as const };
    const empty = { name: 'validation', points: [] };
    expect(await size(await renderLearningCurves({ panels: [{ title: 'Loss', curves: [nothing, empty] }] }))).toEqual([
      900, 260, 3,
    ]);
  });
});

describe('curves of many strategies', () => {
  const curve = (k: number, band = false) => ({
    name: `strategy ${k}`,
    points: [50, 100, 150].map((x) => [x, 0.6 + x / 1000 + k / 100] as const),
    ...(band && { band: [50, 100, 150].map((x) => [x, 0.55 + x / 1000, 0.65 + x / 1000] as const) }),
  });

  it('have their names beside the panel, and bands where they are given', async () => {
    const drawing = (band: boolean, count: number) => ({
      panels: [{ title: 'AUC', curves: Array.from({ length: count }, (_, k) => curve(k, band)) }],
      ...{ xLabel: 'labels', from: 50, panelHeight: 420 },
    });
    const plain = await renderLearningCurves(drawing(false, 12));
    expect(await size(plain)).toEqual([900, 420, 3]);
    expect(await renderLearningCurves(drawing(true, 12))).not.toEqual(plain);
    expect(await renderLearningCurves(drawing(false, 4))).not.toEqual(plain);
  });
});
