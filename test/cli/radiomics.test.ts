import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTable } from '../../src/store/table.js';
import { sightline } from '../support/command.js';
import { temporaryFolder } from '../support/files.js';

const golden = fileURLToPath(new URL('../golden/radiomics_files/', import.meta.url));
const picture = ['radiomics', `${golden}picture8.png`, '--mask', `${golden}picture8_mask.png`];
const read = async (path: string) => [...(await readTable(path)).columns.keys()];

describe('sightline radiomics', () => {
  it('writes features and settings, and says what was done', async () => {
    const out = join(await temporaryFolder(), 'f.parquet');
    const run = await sightline([...picture, '--params', `${golden}defaults.yaml`, '--out', out]);
    expect(run.stderr).toMatch(/masks have no value 1/);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/1 of 1 images, 51 features each in .* images\/s \(kernels on /);
    expect(run.stdout).toContain(`features        ${out}`);
    expect(await read(out)).toHaveLength(55);
    const { settings } = JSON.parse(await readFile(`${out}.json`, 'utf8')) as { settings: object };
    expect(settings).toMatchObject({ binWidth: 25, label: 'auto' });
  });

  it('flags go over the parameter file', async () => {
    const out = join(await temporaryFolder(), 'f.csv');
    const run = await sightline([
      ...picture,
      ...['--params', `${golden}counted.yaml`, '--bin-width', '10', '--label', '255', '--backend', 'reference'],
      ...['--features', 'glcm_Idn,firstorder:Entropy', '--out', out],
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(await read(out)).toEqual([
      ...['id', 'path', 'mask', 'mask_label'],
      ...['original_glcm_Idn', 'original_firstorder_Entropy'],
    ]);
    const { settings } = JSON.parse(await readFile(`${out}.json`, 'utf8')) as { settings: object };
    expect(settings).toMatchObject({ binWidth: 10, binCount: null, label: 255, resegmentMode: 'relative' });
  });

  it('prints what was quarantined and why', async () => {
    const folder = await temporaryFolder();
    const rows = [
      `a,${golden}picture8.png,${golden}picture8_mask.png`,
      `b,${golden}picture16.png,${golden}picture8_mask.png`,
    ];
    await writeFile(join(folder, 'm.csv'), `id,path,mask\n${rows.join('\n')}\n`);
    const out = join(folder, 'f.csv');
    const run = await sightline(['radiomics', join(folder, 'm.csv'), '--out', out]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/1 of 2 images, 42 features each, 1 quarantined/);
    expect(run.stdout).toMatch(/! b: the mask is 31×25 but its image is 19×22\..*\[E_ROI\]/);
    expect(existsSync(`${out}.quarantine.csv`)).toBe(true);
  });

  it.each([
    [['--classes', 'glrlm'], /"glrlm" is not computed.*\[E_ARGUMENT\]/],
    [['--features', 'glcm_Idx'], /Did you mean .*glcm_Id.*\[E_ARGUMENT\]/],
    [['--bin-width', '0'], /Expected a number above 0/],
    [['--bin-width', '5', '--bin-count', '8'], /cannot be used with/],
    [['--label', 'one'], /Expected a whole number from 1, or "any"/],
    [['--label', '7'], /label 7 is not in the mask, which holds 255.*\[E_ROI\]/],
    [['--params', 'nowhere.yaml'], /nowhere\.yaml.*\[E_NOT_FOUND\]/],
    [['--out', 'f.xlsx'], /\[E_TABLE\]/],
  ])('%j is an error that says what to do, and writes nothing', async (args, message) => {
    const out = join(await temporaryFolder(), 'f.csv');
    const run = await sightline([...picture, '--out', out, ...args]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});
