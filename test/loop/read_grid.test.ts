import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGrid, writeResolved } from '../../src/loop/read_grid.js';
import { readRunConfig } from '../../src/loop/run_config.js';
import { temporaryFolder } from '../support/files.js';
import { writeConfig } from './loop_set.js';

describe('the configuration of a grid', () => {
  it('comes from its YAML file, or from what its result folder has kept, wherever that lies by now', async () => {
    const folder = await temporaryFolder();
    const yaml = await writeConfig(folder, 'pool/manifest.csv', {
      strategies: ['random', { strategy: 'xal', alpha: 0.25 }],
    });
    const config = readRunConfig(yaml);
    await mkdir(config.out);
    await writeResolved(config);
    expect(readGrid(yaml)).toEqual(config);
    expect(readGrid(config.out)).toEqual(config);

    const moved = join(folder, 'elsewhere');
    await rename(config.out, moved);
    await rm(yaml);
    expect(readGrid(moved)).toEqual({ ...config, out: moved });
    expect(readGrid(moved).data).toBe(join(folder, 'pool', 'manifest.csv'));
  });

  it('asks for the YAML file where the folder does not say, or says something else', async () => {
    const folder = await temporaryFolder();
    expect(() => readGrid(join(folder, 'no.yaml'))).toThrow(expect.objectContaining({ code: 'E_NOT_FOUND' }));
    const old = join(folder, 'old');
    await mkdir(old);
    await writeFile(join(old, 'config.yaml'), 'data: ../pool\n');
    const withoutYaml = { code: 'E_NOT_FOUND', remedy: expect.stringContaining('YAML') as string };
    expect(() => readGrid(old)).toThrow(expect.objectContaining(withoutYaml));
    for (const text of ['{"data": 3}', 'null', '{"data": ']) {
      await writeFile(join(old, 'resolved.json'), text);
      expect(() => readGrid(old)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
    }
  });
});
