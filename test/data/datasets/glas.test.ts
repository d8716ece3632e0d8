import { expect, test } from 'vitest';
import { writeBmp } from '../bmp_writer.js';
import { decoded, imported, importError, unpacked, type Files } from './miniature.js';

/** A grey-less 24-bit image of 8 × 8: red counts columns, green rows. */
function image(): Buffer {
  const rows = new Uint8Array(8 * 24);
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) rows.set([0, 10 * (7 - y), 10 * x], y * 24 + 3 * x);
  return writeBmp({ width: 8, height: 8, bits: 24, rows });
}

/** Gland instances 1 and 2 in the upper left and lower right corner; the palette paints the background and not the glands. */
function anno(): Buffer {
  const rows = new Uint8Array(64);
  for (const [x, y, id] of [...[0, 1].map((x) => [x, 0, 1]), ...[5, 6, 7].map((x) => [x, 7, 2])])
    rows[(7 - y) * 8 + x] = id;
  const palette = [
    [200, 100, 50],
    [0, 0, 0],
    [0, 0, 0],
  ];
  return writeBmp({ width: 8, height: 8, bits: 8, palette, rows });
}

const at = 'Warwick QU Dataset (Released 2016_07_08)';

function miniature(): Files {
  const names = ['testA_1', 'testB_1', 'train_1', 'train_2'];
  return {
    [`${at}/Grade.csv`]: [
      'name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)',
      'testA_1,4, benign, adenomatous',
      'testB_1,12, malignant, moderately-to-poorly differentated',
      'train_1,1, malignant, moderately differentiated',
      'train_2,4, benign, healthy',
      '',
    ].join('\r\n'),
    [`${at}/readme.txt`]: '',
    ...Object.fromEntries(
      names.flatMap((name) => [
        [`${at}/${name}.bmp`, image()],
        [`${at}/${name}_anno.bmp`, anno()],
      ]),
    ),
  };
}

test('grades, patients, parts, and glands at their pixels', async () => {
  const { samples, byId, summary, notices } = await imported('glas', await unpacked(miniature()), { validation: 0 });
  expect(samples.map(({ id, label, split, fold, patient }) => [id, label, split, fold, patient])).toEqual([
    ['testA_1', 'benign', 'test', 'testA', '4'],
    ['testB_1', 'malignant', 'test', 'testB', '12'],
    ['train_1', 'malignant', 'train', 'train', '1'],
    ['train_2', 'benign', 'train', 'train', '4'],
  ]);
  expect(summary).toMatchObject({ patients: 3, withRegion: 4 });
  expect(notices.join()).toMatch(/share 1 patients.*split: \{by: patient\}/);
  const { image, roi } = await decoded(byId.get('train_1')!, 8, 3);
  expect([...roi.entries()].flatMap(([i, inside]) => (inside ? [i] : []))).toEqual([0, 1, 61, 62, 63]);
  expect(image[3] * 255).toBeCloseTo(30, 3);
  expect(image[64 + 8 * 5] * 255).toBeCloseTo(50, 3);
});

test('the grades of 2015', async () => {
  const { byId } = await imported('glas', await unpacked(miniature()), { options: { grade: 'five-class' } });
  expect(byId.get('testB_1')?.label).toBe('moderately-to-poorly differentated');
  const wrong = await importError('glas', await unpacked(miniature()), { options: { grade: 'two' } });
  expect(wrong).toMatchObject({ code: 'E_ARGUMENT' });
  expect(wrong.message).toMatch(/grade: .*glas.*five-class/);
});

test('missing images, masks and grades', async () => {
  const { [`${at}/train_2.bmp`]: _, [`${at}/testA_1_anno.bmp`]: __, ...files } = miniature();
  const root = await unpacked(files);
  expect((await importError('glas', root)).message).toMatch(/1 of 4 images .* are not there: train_2\.bmp/);
  const partial = await imported('glas', root, { partial: true });
  expect(partial.summary).toMatchObject({ samples: 3, absent: 1, withRegion: 2 });
  expect(partial.notices.join()).toMatch(/1 images have no _anno\.bmp/);
  const { [`${at}/Grade.csv`]: ___, ...rest } = files;
  expect((await importError('glas', await unpacked(rest))).message).toMatch(/Grade\.csv of GlaS.*Warwick/s);
  const renamed = { ...files, [`${at}/Grade.csv`]: 'name,grade\ntrain_1,benign\n' };
  expect((await importError('glas', await unpacked(renamed))).message).toMatch(
    /no column "patient ID", "grade \(GlaS\)"/,
  );
});
