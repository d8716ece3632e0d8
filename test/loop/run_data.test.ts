import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRunConfig } from 'sightline';
import { openLoopData } from '../../src/loop/run_data.js';
import { temporaryFolder } from '../support/files.js';
import { writeConfig } from './loop_set.js';

it('tells of classes that the pool lacks only where its labels are the answers', async () => {
  const folder = await temporaryFolder();
  for (const name of ['a.png', 'b.png', 'c.png']) await writeFile(join(folder, name), '');
  await writeFile(
    join(folder, 'm.csv'),
    'id,path,label,split\na,a.png,,pool\nb,b.png,yes,test\nc,c.png,no,validation\n',
  );
  const told = async (kind: string) => {
    const settings = { split: { by: 'split' }, labels: ['no', 'yes'], oracle: { kind } };
    const notices: string[] = [];
    await openLoopData(readRunConfig(await writeConfig(folder, 'm.csv', settings)), (text) => notices.push(text));
    return notices.filter((text) => /^The /.test(text)).map((text) => text.split(' ')[1]);
  };
  expect(await told('simulated')).toEqual(['training', 'validation', 'test']);
  expect(await told('files')).toEqual(['validation', 'test']);
});
