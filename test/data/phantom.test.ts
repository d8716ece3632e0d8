import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writePhantoms } from '../../src/data/phantom.js';
import { PhantomArtist } from '../../src/data/phantom_image.js';
import { openPool } from '../../src/data/pool.js';
import { openPicture } from '../../src/data/readers.js';
import { temporaryFolder } from '../support/files.js';

describe('phantoms', () => {
  it('are a pool with labels, masks, boxes and patients; any count is a prefix', async () => {
    const [few, more] = [await temporaryFolder(), await temporaryFolder()];
    const { manifest } = await writePhantoms({ out: few, count: 6, size: 48, seed: 3 });
    await writePhantoms({ out: more, count: 12, size: 48, seed: 3 });
    const rows = (await readFile(manifest, 'utf8')).trim().split('\n');
    expect((await readFile(join(more, 'manifest.csv'), 'utf8')).split('\n').slice(0, 7)).toEqual(rows);
    for (const name of await readdir(join(few, 'images'))) {
      expect(await readFile(join(few, 'images', name))).toEqual(await readFile(join(more, 'images', name)));
    }
    const samples = await openPool(manifest);
    expect(samples).toHaveLength(6);
    for (const { path, mask, boxes, label } of samples) {
      const picture = await openPicture(path);
      expect([picture.width, picture.height, picture.channels, picture.source.bits]).toEqual([48, 48, 1, 8]);
      expect(mask !== undefined).toBe(label === 'lesion');
      expect(boxes !== undefined).toBe(label === 'lesion');
    }
  });

  it('have lesions that are brighter than the same picture without them would be, inside their boxes', () => {
    const artist = new PhantomArtist(1, 96);
    const phantoms = Array.from({ length: 40 }, (_, i) => artist.draw(i));
    const lesions = phantoms.filter((p) => p.label === 'lesion');
    expect(lesions.length).toBeGreaterThan(8);
    expect(lesions.length).toBeLessThan(32);
    let brighter = 0;
    for (const { mask, pixels, boxes, size } of lesions) {
      expect(mask).toBeDefined();
      let [inside, ring, insideCount, ringCount] = [0, 0, 0, 0];
      mask!.forEach((m, i) => {
        const [x, y] = [i % size, Math.floor(i / size)];
        const boxed = boxes.some((b) => x >= b.x0 && x < b.x1 && y >= b.y0 && y < b.y1);
        if (m) {
          expect(boxed).toBe(true);
          inside += pixels[i];
          insideCount++;
        } else if (boxed) {
          ring += pixels[i];
          ringCount++;
        }
      });
      if (insideCount && ringCount && inside / insideCount > ring / ringCount) brighter++;
    }
    expect(brighter).toBeGreaterThan(0.75 * lesions.length);
  });

  it('keep patients in one split, several images to some, and differ by seed', () => {
    const artist = new PhantomArtist(5, 16);
    const phantoms = Array.from({ length: 64 }, (_, i) => artist.draw(i));
    const splits = new Map<string, Set<string>>();
    const counts = new Map<string, number>();
    for (const { patient, split } of phantoms) {
      splits.set(patient, (splits.get(patient) ?? new Set()).add(split));
      counts.set(patient, (counts.get(patient) ?? 0) + 1);
    }
    expect([...splits.values()].every((s) => s.size === 1)).toBe(true);
    expect(Math.max(...counts.values())).toBeGreaterThan(1);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(4);
    expect(new Set(phantoms.map((p) => p.split)).size).toBe(3);
    expect(new PhantomArtist(6, 16).draw(0).pixels).not.toEqual(phantoms[0].pixels);
    expect(new PhantomArtist(5, 16).draw(17).pixels).toEqual(phantoms[17].pixels);
  });

  it('refuse a count that is no count', async () => {
    await expect(writePhantoms({ out: 'x', count: 0 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(writePhantoms({ out: join(file, 'out'), count: 1 })).rejects.toMatchObject({ code: 'E_OUTPUT' });
  });
});
