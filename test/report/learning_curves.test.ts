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
