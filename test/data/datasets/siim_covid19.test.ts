import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { decoded, imported, importError, unpacked, type Files } from './miniature.js';
import { radiograph, secrets } from './radiograph.js';

/** Study, series and image of the training part. */
const images: [study: string, series: string, image: string][] = [
  ['5776db0cec75', '81456c9c5423', '000a312787f2'],
  ['ff0879eb20ed', 'd8a644cc4f93', '000c3a3f293f'],
  ['9d514ce429a7', '22897cd1daa0', '0012ff7358bc'],
  ['9d514ce429a7', '22897cd1daa0', '001398f4ff4f'],
  ['28dddc8559b2', '5ac4d3d7b2c1', '001bd15d1891'],
  ['28dddc8559b2', '8fb2a1f00c11', '0022227f5adf'],
  ['dfd9fdd85a3e', '6b0c1a4b6f1e', '0023f02ae886'],
];

function miniature(): Files {
  return {
    'train_study_level.csv': [
      'id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance',
      '5776db0cec75_study,0,1,0,0',
      'ff0879eb20ed_study,1,0,0,0',
      '9d514ce429a7_study,0,0,1,0',
      '28dddc8559b2_study,1,0,0,0',
      'dfd9fdd85a3e_study,0,0,0,1',
      '',
    ].join('\n'),
    'train_image_level.csv': [
      'id,boxes,label,StudyInstanceUID',
      `000a312787f2_image,"[{'x': 4.25, 'y': 8.5, 'width': 10, 'height': 16.125}, {'x': 20, 'y': 8, 'width': 4, 'height': 4}]",opacity 1 4.25 8.5 14.25 24.625 opacity 1 20 8 24 12,5776db0cec75`,
      '000c3a3f293f_image,,none 1 0 0 1 1,ff0879eb20ed',
      `0012ff7358bc_image,"[{'x': 0, 'y': 0, 'width': 5, 'height': 5}]",opacity 1 0 0 5 5,9d514ce429a7`,
      '001398f4ff4f_image,,none 1 0 0 1 1,9d514ce429a7',
      '001bd15d1891_image,,none 1 0 0 1 1,28dddc8559b2',
      '0022227f5adf_image,,none 1 0 0 1 1,28dddc8559b2',
      '0023f02ae886_image,,none 1 0 0 1 1,dfd9fdd85a3e',
      '',
    ].join('\n'),
    'sample_submission.csv': 'id,PredictionString\n000c9c05fd14_study,negative 1 0 0 1 1\n',
    'test/000c9c05fd14/e555410bd2cd/51759b5579bc.dcm': radiograph(32),
    ...Object.fromEntries(images.map((parts) => [`train/${parts.join('/')}.dcm`, radiograph(32)])),
  };
}

test('classes of studies, boxes, studies as patients; duplicates without boxes are left out', async () => {
  const { samples, byId, summary } = await imported('siim-covid-19', await unpacked(miniature()));
  expect(samples.map(({ id, label, patient, split }) => [id, label, patient, split])).toEqual([
    ['000a312787f2', 'typical', '5776db0cec75', undefined],
    ['000c3a3f293f', 'negative', 'ff0879eb20ed', undefined],
    ['0012ff7358bc', 'indeterminate', '9d514ce429a7', undefined],
    ['001bd15d1891', 'negative', '28dddc8559b2', undefined],
    ['0022227f5adf', 'negative', '28dddc8559b2', undefined],
    ['0023f02ae886', 'atypical', 'dfd9fdd85a3e', undefined],
  ]);
  expect(byId.get('000a312787f2')?.boxes).toEqual([
    { x0: 4.25, y0: 8.5, x1: 14.25, y1: 24.625 },
    { x0: 20, y0: 8, x1: 24, y1: 12 },
  ]);
  expect(summary).toMatchObject({ samples: 6, patients: 5, withRegion: 2, absent: 0 });
  expect(Object.fromEntries(summary.leftOut)).toEqual({ 'duplicates without boxes': 1 });
  const { image, roi } = await decoded(byId.get('0012ff7358bc')!, 32);
  expect(roi.reduce((sum, value) => sum + value, 0)).toBe(25);
  expect(image.some((value) => value > 0.1)).toBe(true);
  for (const name of ['manifest.csv', 'dataset.json'])
    expect(await readFile(join(dirname(summary.manifest), name), 'utf8')).not.toMatch(secrets);

  const kept = await imported('siim-covid-19', await unpacked(miniature()), { options: { duplicates: 'keep' } });
  expect(kept.byId.get('001398f4ff4f')).toMatchObject({ label: 'indeterminate', patient: '9d514ce429a7' });
  expect(kept.summary).toMatchObject({ samples: 7, withRegion: 2 });
});

test('what is missing or not as it is handed out', async () => {
  const files = miniature();
  for (const table of ['train_study_level.csv', 'train_image_level.csv']) {
    const { [table]: _, ...rest } = files;
    const { code, message } = await importError('siim-covid-19', await unpacked(rest));
    expect(code).toBe('E_DATASET');
    expect(message).toMatch(
      new RegExp(`${table} of SIIM-FISABIO-RSNA COVID-19 is not there.*Kaggle.*study/series/image`, 's'),
    );
  }
  const part = Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('ff0879eb20ed/')));
  const root = await unpacked(part);
  expect((await importError('siim-covid-19', root)).message).toMatch(
    /1 of 6 images .* are not there: ff0879eb20ed\/…\/000c3a3f293f\.dcm.*--partial/s,
  );
  expect((await imported('siim-covid-19', root, { partial: true })).summary).toMatchObject({ samples: 5, absent: 1 });

  const message = async (table: string, from: string, to: string) => {
    const text = (files[table] as string).replace(from, to);
    return (await importError('siim-covid-19', await unpacked({ ...files, [table]: text }))).message;
  };
  expect(await message('train_study_level.csv', '0,1,0,0', '1,1,0,0')).toMatch(/line 2.*expected one class, found 2/);
  expect(await message('train_study_level.csv', 'ff0879eb20ed', '000000000000')).toMatch(
    /train_image_level\.csv, line 3.*the study table has no study "ff0879eb20ed"/,
  );
  expect(await message('train_image_level.csv', "{'x': 4.25, ", '{')).toMatch(/line 2.*expected a list of x, y, width/);
  expect(await message('train_image_level.csv', '[{', '[')).toMatch(/line 2.*expected a list of x, y, width/);
  expect(await message('train_image_level.csv', "'width': 10", "'width': 0")).toMatch(
    /line 2.*expected a list of x, y/,
  );
  expect((await importError('siim-covid-19', root, { options: { duplicates: 'some' } })).message).toMatch(
    /duplicates: .*keep/,
  );
  expect((await importError('chexpert', root)).message).toMatch(/it looks like SIIM-FISABIO-RSNA COVID-19/);
});
