import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../src/data/readers/index.js';
import { writeVoc } from '../../../src/formats/voc-xml.js';
import { datasetReaderContract, type ReaderMember } from '../../contracts/dataset-reader.js';
import { temporaryFolder, writeText } from '../scene.js';

const annotation = (location: string) => ({
  type: 'modelarts/object_detection',
  'annotation-loc': location,
  'annotation-format': 'PASCAL VOC',
  'annotated-by': 'human',
});

const member: ReaderMember = {
  format: 'manifest',
  imageOf: (folder, name) => join(folder, 'img', `${name}.png`),
  async label(folder, scene, named) {
    const lines: string[] = [];
    for (const { name, width, height, boxes, split } of scene) {
      const full = boxes.map(box => ({ ...box, crowd: false, difficult: false }));
      const xml = writeVoc({ filename: `${name}.png`, width, height, boxes: full });
      await writeText(join(folder, 'xml', `${name}.xml`), xml);
      const usage = named ? { usage: split.toUpperCase() } : {};
      const line = { source: `img/${name}.png`, ...usage, annotation: [annotation(`xml/${name}.xml`)] };
      lines.push(`${JSON.stringify(line)}\n`);
    }
    await writeText(join(folder, 'trees-V001.manifest'), lines.join(''));
  },
};
datasetReaderContract('ModelArts manifest', member);

const XML = (shape: string): string =>
  `<annotation><size><width>20</width><height>10</height></size><object><name>oak</name>${shape}</object></annotation>`;
const BOX = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>';

async function read(lines: readonly unknown[], files: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder();
  await writeText(join(folder, 'v.manifest'), lines.map(line => `${JSON.stringify(line)}\n`).join(''));
  for (const [name, text] of Object.entries({ 'a.xml': XML(BOX), ...files }))
    await writeText(join(folder, name), text);
  return readDataset(folder, 'auto');
}
const splitsOf = async (...usages: (string | undefined)[]): Promise<unknown> =>
  (await read(usages.map((usage, i) => ({ source: `${i}.jpg`, ...(usage && { usage }) })))).samples.map(
    ({ id, split }) => [id, split],
  );

describe('the manifest reader', () => {
  it.each([
    { 'annotation-loc': 'a.xml', type: 'modelarts/object_detection' },
    { annotation_loc: 'a.xml', type: 'somebody/object_detection' },
    { annotationLoc: 'a.xml', type: 'object_detection' },
    { Annotation_Loc: 'a.xml' },
  ])('knows the spellings of a key: %j', async entry => {
    const { samples } = await read([{ source: 'a.jpg', annotation: [entry] }]);
    expect(samples[0]!.boxes.map(({ label, box }) => [label, box])).toEqual([['oak', [2, 1, 4, 3]]]);
  });

  it('leaves labels of other kinds alone: such an image is not labelled', async () => {
    const { samples } = await read([
      { source: 'a.jpg', annotation: [{ type: 'modelarts/image_classification', name: 'oak' }] },
      { source: 'b.jpg' },
    ]);
    expect(samples.map(sample => sample.annotation)).toEqual([null, null]);
  });

  it('splits by usage, whatever its case', async () => {
    expect(await splitsOf('TRAIN', 'eval', 'Train')).toEqual([['0', 'train'], ['1', 'eval'], ['2', 'train']]); // prettier-ignore
    expect(await splitsOf('TRAIN', 'TEST')).toEqual([['0', 'train'], ['1', 'eval']]); // prettier-ignore
    expect(await splitsOf('TRAIN', 'TEST', 'EVAL', 'INFERENCE')).toEqual([['0', 'train'], ['1', 'test'], ['2', 'eval']]); // prettier-ignore
    expect(await splitsOf('TRAIN', 'TRAIN')).toEqual([['0', null], ['1', null]]); // prettier-ignore
    expect(await splitsOf(undefined, undefined)).toEqual([['0', null], ['1', null]]); // prettier-ignore
  });

  it('takes the box around a polygon or a circle; a line is for cleaning to name', async () => {
    const shapes = `<object><name>elm</name><polygon><x1>4</x1><y1>1</y1><x2>9</x2><y2>2</y2><x3>6</x3><y3>8</y3></polygon></object>
      <object><name>ash</name><circle><cx>5</cx><cy>6</cy><r>2</r></circle></object>
      <object><name>gap</name><line><x1>1</x1><y1>1</y1><x2>2</x2><y2>2</y2></line></object>`;
    const { samples } = await read([{ source: 'a.jpg', annotation: [annotation('b.xml')] }], {
      'b.xml': XML(BOX).replace('</annotation>', `${shapes}</annotation>`),
    });
    expect(samples[0]!.boxes.map(({ box }) => box)).toEqual([
      [2, 1, 4, 3],
      [1, 4, 8, 9],
      [4, 3, 8, 7],
      [NaN, NaN, NaN, NaN],
    ]);
  });

  it.each([
    ['{"source": "a.jpg"', 'line 1: '],
    ['{"usage": "TRAIN"}', 'line 1: source: has to be the path of an image'],
    ['[1]', 'line 1: is not an object in braces'],
    ['{"source": "a.jpg", "annotation": 5}', 'line 1: annotation: has to be a list'],
  ])('names the line that cannot be read: %s', async (text, message) => {
    const folder = await temporaryFolder();
    await writeText(join(folder, 'v.manifest'), `${text}\n`);
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
      message: expect.stringContaining(message) as string,
    });
  });

  it('names the label file that is not there', async () => {
    const { samples } = await read([{ source: 'a.jpg', annotation: [annotation('none.xml')] }]);
    expect(samples[0]!.problem).toContain('none.xml');
  });

  it('lists several manifests, to choose from', async () => {
    const folder = await temporaryFolder();
    for (const name of ['V1', 'V2'])
      await writeText(join(folder, `${name}.manifest`), '{"source":"a.jpg"}\n');
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({
      code: 'DATA_AMBIGUOUS',
      message: expect.stringContaining('V1.manifest, V2.manifest') as string,
    });
    expect((await readDataset(join(folder, 'V2.manifest'), 'auto')).samples).toHaveLength(1);
  });
});
