import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openPicture } from '../../../src/data/readers.js';
import { asBytes, writeNifti } from '../nifti_writer.js';
import { decoded, imported, importError, unpacked, type Files } from './miniature.js';

const [width, height, depth] = [6, 5, 12];
const size = width * height;

/** A brain in slices 1–10, away from the border; every voxel has another value. */
function brain(factor: number): Int16Array {
  return Int16Array.from({ length: size * depth }, (_, i) => {
    const [x, y, z] = [i % width, Math.floor(i / width) % height, Math.floor(i / size)];
    return x > 0 && y > 0 && z > 0 && z < 11 ? factor * (i + 1) : 0;
  });
}

/** Tumour of so many voxels by slice, from the lower end of row 2 on. Labels 1, 2 and 4 as in 2020. */
function tumour(areas: Readonly<Record<number, number>>): Uint8Array {
  const data = new Uint8Array(size * depth);
  for (const [z, area] of Object.entries(areas))
    for (let k = 0; k < area; k++) data[Number(z) * size + 2 * width + 1 + k] = [1, 2, 4][k % 3];
  return data;
}

const areas = { 4: 2, 5: 5, 6: 4, 8: 3 };
const volume = (data: Int16Array | Uint8Array, gzip = false, dims = [width, height, depth]) =>
  writeNifti({
    ...{ dims, data: asBytes(data), spacing: [1, 1, 2], gzip },
    ...(data instanceof Int16Array ? { type: 4, bits: 16 } : { type: 2, bits: 8 }),
  });

function subject(place: string, name: string, { ending = '.nii', own = areas as Record<number, number> } = {}): Files {
  const gzip = ending === '.nii.gz';
  return {
    ...Object.fromEntries(
      ['flair', 't1', 't1ce', 't2'].map((modality, i) => [
        `${place}${name}/${name}_${modality}${ending}`,
        volume(brain(i + 1), gzip),
      ]),
    ),
    [`${place}${name}/${name}_seg${ending}`]: volume(tumour(own), gzip),
  };
}

const at = 'MICCAI_BraTS2020_TrainingData/';
const mapping =
  'Grade,BraTS_2017_subject_ID,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,BraTS_2019_subject_ID,BraTS_2020_subject_ID\n';

function year2020(): Files {
  const { [`${at}BraTS20_Training_355/BraTS20_Training_355_seg.nii`]: seg, ...rest } = subject(
    at,
    'BraTS20_Training_355',
  );
  return {
    [`${at}name_mapping.csv`]:
      mapping +
      'HGG,Brats17_CBICA_AAB_1,Brats18_CBICA_AAB_1,NA,BraTS19_CBICA_AAB_1,BraTS20_Training_001\nLGG,NA,NA,NA,NA,BraTS20_Training_355\n',
    [`${at}survival_info.csv`]: 'Brats20ID,Age,Survival_days,Extent_of_Resection\nBraTS20_Training_001,60.4,289,GTR\n',
    ...subject(at, 'BraTS20_Training_001'),
    // The file that was never renamed.
    ...{ ...rest, [`${at}BraTS20_Training_355/W39_1998.09.19_Segm.nii`]: seg },
  };
}

test('BraTS 2020: slices with most tumour and without, voxel for voxel', async () => {
  const { samples, byId, summary } = await imported('brats', await unpacked(year2020()));
  expect(samples.map(({ id, label, patient }) => [id, label, patient])).toEqual([
    ['BraTS20_Training_001_001', 'no-tumour', 'BraTS20_Training_001'],
    ['BraTS20_Training_001_005', 'tumour', 'BraTS20_Training_001'],
    ['BraTS20_Training_355_001', 'no-tumour', 'BraTS20_Training_355'],
    ['BraTS20_Training_355_005', 'tumour', 'BraTS20_Training_355'],
  ]);
  expect(summary).toMatchObject({ samples: 4, patients: 2, withRegion: 2 });
  expect(samples.every(({ split, slice }) => split === undefined && slice === undefined)).toBe(true);

  const sample = byId.get('BraTS20_Training_001_005')!;
  const picture = await openPicture(sample.path);
  expect(picture).toMatchObject({ width, height, channels: 4, pixelSpacing: [1, 1] });
  for (const [channel, factor] of [1, 2, 3, 4].entries()) {
    const voxels = brain(factor);
    const sorted = voxels.filter((value) => value !== 0).sort();
    const [low, high] = [0.005, 0.995].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
    for (let i = 0; i < size; i++) {
      const voxel = voxels[5 * size + i];
      const expected = voxel === 0 ? 0 : Math.min(1, Math.max(0, (voxel - low) / (high - low)));
      expect(Math.abs(picture.data[4 * i + channel] - expected)).toBeLessThan(1 / 65535);
    }
  }
  const mask = await openPicture(sample.mask!, { stored: true });
  const seg = tumour(areas);
  expect([...mask.data].map((value) => value > 0)).toEqual([...seg.slice(5 * size, 6 * size)].map((v) => v > 0));

  // As scoring sees it: stretched to a square of the image's width, the row of the tumour stays the third.
  const { roi, image } = await decoded(sample, 30, 4);
  expect(roi[14 * 30 + 7]).toBe(1);
  expect(roi[14 * 30 + 2]).toBe(0);
  expect(image.every((value) => value >= 0 && value <= 1)).toBe(true);
});

test('slices, gap, least area, sequences, grades', async () => {
  const root = await unpacked(year2020());
  const first = async (options: Record<string, unknown>) => {
    const { samples } = await imported('brats', root, { options: { label: 'grade', ...options } });
    return samples.filter(({ patient }) => patient === 'BraTS20_Training_001').map(({ id }) => Number(id.slice(-3)));
  };
  expect(await first({ slices: '2' })).toEqual([5, 6]);
  expect(await first({ slices: 3, gap: 2 })).toEqual([5, 8]);
  expect(await first({ slices: 9, minimumArea: '3' })).toEqual([5, 6, 8]);
  expect(await first({ slices: 9, minimumArea: '4 mm2' })).toEqual([5, 6]);
  const graded = await imported('brats', root, { options: { label: 'grade', modalities: 't2,flair' } });
  expect(graded.samples.map(({ label }) => label)).toEqual(['HGG', 'LGG']);
  const { data, channels } = await openPicture(graded.samples[0].path);
  expect(channels).toBe(2);
  expect(data[2 * (2 * width + 2)]).toBeGreaterThan(0);
  expect((await importError('brats', root, { options: { modalities: 'flair,dwi' } })).message).toMatch(
    /no sequence dwi/,
  );
  expect((await importError('brats', root, { options: { minimumArea: 'much' } })).message).toMatch(/50mm2/);
  const none = await importError('brats', root, { options: { minimumArea: 29 } });
  expect(none.message).toMatch(/no sample is left \(subjects without enough tumour in any slice: 2\)/);
});

test('the layouts of 2018, 2021 and 2023', async () => {
  const older = await unpacked({
    ...subject('HGG/', 'Brats18_2013_2_1', { ending: '.nii.gz' }),
    ...subject('LGG/', 'Brats18_2013_0_1', { ending: '.nii.gz' }),
  });
  const grades = await imported('brats', older, { options: { label: 'grade' } });
  expect(grades.samples.map(({ label, patient }) => [patient, label])).toEqual([
    ['Brats18_2013_2_1', 'HGG'],
    ['Brats18_2013_0_1', 'LGG'],
  ]);
  const root = await unpacked(subject('', 'BraTS2021_00000', { ending: '.nii.gz' }));
  expect((await imported('brats', root)).samples).toHaveLength(2);
  expect((await importError('brats', root, { options: { label: 'grade' } })).message).toMatch(/no subject has a grade/);
  const renamed = (name: string) =>
    Object.fromEntries(
      Object.entries(subject('', name, { ending: '.nii.gz' })).map(([path, data]) => {
        const words: Record<string, string> = { flair: 't2f', t1: 't1n', t1ce: 't1c', t2: 't2w', seg: 'seg' };
        return [path.replace(/_(\w+)\.nii/, (_, word: string) => `-${words[word]}.nii`), data];
      }),
    );
  const newer = await unpacked({ ...renamed('BraTS-GLI-00002-000'), ...renamed('BraTS-GLI-00002-001') });
  const { samples } = await imported('brats', newer);
  expect(new Set(samples.map(({ patient }) => patient))).toEqual(new Set(['BraTS-GLI-00002']));
  expect(samples).toHaveLength(4);
});

test('files that are missing or wrong', async () => {
  const all = year2020();
  const { [`${at}BraTS20_Training_001/BraTS20_Training_001_t1ce.nii`]: _, ...part } = all;
  const root = await unpacked(part);
  const lacking = await imported('brats', root);
  expect(lacking.summary.leftOut.get('subjects with files missing')).toBe(1);
  expect(lacking.notices.join()).toMatch(/1 of 2 subjects lack files.*BraTS20_Training_001 \(no t1ce\)/);
  // The others' files are all that is written, and what is not asked for need not be there.
  expect(await readdir(join(dirname(lacking.summary.manifest), 'masks'))).toEqual(['BraTS20_Training_355_005.png']);
  const two = await imported('brats', root, { options: { modalities: ['flair', 't2'] } });
  expect(two.summary.patients).toBe(2);

  const empty = await importError('brats', await unpacked({ 'readme.txt': '' }));
  expect(empty.message).toMatch(/any volume .*_flair\.nii\.gz of BraTS is not there.*Synapse/s);
  const name = `${at}BraTS20_Training_001/BraTS20_Training_001_t1.nii`;
  const other = await unpacked({ ...all, [name]: volume(new Int16Array(8), false, [2, 2, 2]) });
  expect((await importError('brats', other)).message).toMatch(/2 × 2 × 2 voxels.*6 × 5 × 12/);
  const cut = await unpacked({ ...all, [name]: (all[name] as Buffer).subarray(0, 400) });
  expect(await importError('brats', cut)).toMatchObject({ code: 'E_IMAGE_CORRUPT' });
});
