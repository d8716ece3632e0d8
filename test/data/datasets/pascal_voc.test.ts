import sharp from 'sharp';
import { expect, test } from 'vitest';
import { decoded, imported, importError, png, unpacked, type Files } from './miniature.js';

interface Given {
  name: string;
  box: number[];
  difficult?: boolean;
}

const xml = (filename: string, objects: readonly Given[]) => `<annotation>
	<folder>VOC2007</folder>
	<filename>${filename}</filename>
	<source><database>The VOC2007 Database</database></source>
	<size><width>8</width><height>6</height><depth>3</depth></size>
	<segmented>0</segmented>
${objects
  .map(
    ({ name, box, difficult }) => `	<object>
		<name>${name}</name>
		<pose>Left</pose>
		<truncated>1</truncated>
		<difficult>${difficult ? 1 : 0}</difficult>
		<bndbox><xmin>${box[0]}</xmin><ymin>${box[1]}</ymin><xmax>${box[2]}</xmax><ymax>${box[3]}</ymax></bndbox>
		<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
	</object>`,
  )
  .join('\n')}
</annotation>
`;

/** An object in columns 0–1, its border in column 2, in VOC's colours as a palette PNG. */
function segmentation(): Promise<Uint8Array> {
  const colours = [[128, 0, 0], [128, 0, 0], [224, 224, 192], ...Array<number[]>(5).fill([0, 0, 0])];
  const data = Uint8Array.from(Array<number[][]>(6).fill(colours).flat(2));
  return sharp(data, { raw: { width: 8, height: 6, channels: 3 } })
    .png({ palette: true })
    .toBuffer();
}

const at = 'VOCdevkit/VOC2007/';

async function miniature(): Promise<Files> {
  const jpeg = await sharp(await png(8, 6))
    .jpeg()
    .toBuffer();
  return {
    [`${at}Annotations/000001.xml`]: xml('000001.jpg', [
      { name: 'dog', box: [2, 3, 4, 5] },
      { name: 'person', box: [1, 1, 8, 6], difficult: true },
    ]),
    [`${at}Annotations/000002.xml`]: xml('000002.jpg', [{ name: 'R &amp; D', box: [1, 1, 1, 1] }]),
    [`${at}Annotations/000003.xml`]: xml('000003.jpg', []),
    [`${at}Annotations/000004.xml`]: xml('000004.jpg', [{ name: 'dog', box: [5.5, 1, 7.25, 2] }]),
    ...Object.fromEntries([1, 2, 3, 4].map((i) => [`${at}JPEGImages/00000${i}.jpg`, jpeg])),
    [`${at}ImageSets/Main/train.txt`]: '000001\n',
    [`${at}ImageSets/Main/val.txt`]: '000002\n',
    [`${at}ImageSets/Main/trainval.txt`]: '000001\n000002\n',
    [`${at}ImageSets/Main/test.txt`]: '000003\r\n000004\r\n',
    [`${at}ImageSets/Main/dog_train.txt`]: '000001  1\n',
    [`${at}SegmentationObject/000001.png`]: await segmentation(),
    [`${at}SegmentationClass/000001.png`]: await segmentation(),
  };
}

test('boxes from 1, labels and parts', async () => {
  const { samples, byId } = await imported('pascal-voc', await unpacked(await miniature()));
  expect(samples.map(({ id, label, split }) => [id, label, split])).toEqual([
    ['000001', 'dog|person', 'train'],
    ['000002', 'R & D', 'validation'],
    ['000003', undefined, 'test'],
    ['000004', 'dog', 'test'],
  ]);
  expect(byId.get('000001')?.boxes).toEqual([
    { x0: 1, y0: 2, x1: 4, y1: 5 },
    { x0: 0, y0: 0, x1: 8, y1: 6 },
  ]);
  expect(byId.get('000002')?.boxes).toEqual([{ x0: 0, y0: 0, x1: 1, y1: 1 }]);
  expect(byId.get('000004')?.boxes).toEqual([{ x0: 4.5, y0: 0, x1: 7.25, y1: 2 }]);
  const { roi, originalWidth } = await decoded(byId.get('000002')!, 24);
  expect(originalWidth).toBe(8);
  expect(roi.filter(Boolean)).toHaveLength(3 * 4);
  expect(roi[24 * 3 + 2]).toBe(1);
});

test('options', async () => {
  const root = await unpacked(await miniature());
  const easy = await imported('pascal-voc', root, { options: { skipDifficult: true, emptyLabel: 'empty' } });
  expect(easy.samples.map(({ label }) => label)).toEqual(['dog', 'R & D', 'empty', 'dog']);
  expect(easy.byId.get('000001')?.boxes).toHaveLength(1);
  const dogs = await imported('pascal-voc', root, { options: { findings: 'dog' } });
  expect(dogs.samples.map(({ id }) => id)).toEqual(['000001', '000004']);
  expect(dogs.byId.get('000001')?.boxes).toHaveLength(1);
  const edges = await imported('pascal-voc', root, { options: { zeroBased: true } });
  expect(edges.byId.get('000001')?.boxes?.[0]).toEqual({ x0: 2, y0: 3, x1: 4, y1: 5 });
  // Edges of one pixel from 1 to 1 hold nothing.
  expect(edges.notices.join()).toMatch(/1 boxes without an area/);
  for (const kind of ['object', 'class']) {
    const { byId, summary } = await imported('pascal-voc', root, { options: { masks: kind } });
    const { roi } = await decoded(byId.get('000001')!, 24);
    expect(summary.withRegion).toBe(3);
    // Columns 0 and 1 of 8, without the border.
    expect([...roi.slice(0, 24)]).toEqual([...Array<number>(6).fill(1), ...Array<number>(18).fill(0)]);
  }
});

test('files of an annotation tool: XML beside the images, counted from 0', async () => {
  const root = await unpacked({
    'train/a.xml': xml('C:\\old\\a.JPG', [{ name: 'nodule', box: [0, 0, 4, 4] }]),
    'train/a.png': await png(8, 6),
    'test/b.xml': xml('b.png', [{ name: 'nodule', box: [1, 1, 4, 4] }]),
    'test/b.png': await png(8, 6),
  });
  const { samples, notices } = await imported('pascal-voc', root, { validation: 0 });
  expect(samples.map(({ id, split }) => [id, split])).toEqual([
    ['b', 'test'],
    ['a', 'train'],
  ]);
  expect(notices.join()).toMatch(/1 of 2 boxes begin at 0.*--zero-based/);
  expect(samples[1].boxes).toEqual([{ x0: 0, y0: 0, x1: 4, y1: 4 }]);
});

test('what is missing or wrong', async () => {
  const all = await miniature();
  // Without its photograph an image must not become its own segmentation.
  const { [`${at}JPEGImages/000001.jpg`]: _, ...part } = all;
  expect((await importError('pascal-voc', await unpacked(part))).message).toMatch(/1 of 4 images.*000001\.jpg/);
  const change = (text: string) => unpacked({ ...all, [`${at}Annotations/000003.xml`]: text });
  expect((await importError('pascal-voc', await change('<annotation><object>'))).message).toMatch(
    /000003\.xml: it cannot be read as XML/,
  );
  expect((await importError('pascal-voc', await change('<data/>'))).message).toMatch(/no <annotation>/);
  const half = xml('000003.jpg', [{ name: 'cat', box: [1, 2] }]);
  expect((await importError('pascal-voc', await change(half))).message).toMatch(
    /object 1 \(cat\): xmax is not a number/,
  );
  const none = await importError('pascal-voc', await unpacked({ 'a.png': await png(4) }));
  expect(none.message).toMatch(/there is no Annotations\/\*\.xml/);
});
