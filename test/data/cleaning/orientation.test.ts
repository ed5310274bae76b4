import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { BoxYxyx } from '../../../src/boxes.js';
import type { StageProgress } from '../../../src/formats/progress.js';
import { Data } from '../../../src/config/run.js';
import { cleanDataset } from '../../../src/data/cleaning/clean.js';
import { writeVoc } from '../../../src/formats/voc-xml.js';
import { drawImage, findRectangle, temporaryFolder, writeText } from '../scene.js';
import { type Cleaned, cleanFolder, cleanItems, writeVocSet } from './voc-set.js';

type Size = Readonly<Record<'width' | 'height', number>>;

const STORED: Size = { width: 90, height: 60 };
const SQUARE: Size = { width: 80, height: 80 };
const RECTANGLE: BoxYxyx = [6, 12, 24, 48];
const ORIENTATIONS = [1, 2, 3, 4, 5, 6, 7, 8];
const OFF = ['I07', 'I08', 'I09'];

const uprightSize = (orientation: number, { width, height }: Size): Size =>
  orientation < 5 ? { width, height } : { width: height, height: width };

const stored = (orientation: number, size = STORED): Sharp =>
  drawImage({ ...size, rectangle: RECTANGLE }).withMetadata({ orientation });

async function find(image: Sharp): Promise<BoxYxyx | null> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return findRectangle(data, info);
}

/** The files of `stored`, each drawn once. */
const files = new Map<string, Promise<Buffer>>();
const storedFile = (orientation: number, size = STORED): Promise<Buffer> => {
  const key = `${orientation} ${size.width}x${size.height}`;
  const file = files.get(key) ?? stored(orientation, size).png().toBuffer();
  files.set(key, file);
  return file;
};

/** Where the rectangle is in what viewers show: by sharp's own reading of EXIF. */
const uprights = new Map<string, Promise<BoxYxyx>>();
const upright = (orientation: number, size = STORED): Promise<BoxYxyx> => {
  const key = `${orientation} ${size.width}x${size.height}`;
  const read = async (): Promise<BoxYxyx> =>
    (await find(sharp(await storedFile(orientation, size)).autoOrient()))!;
  const box = uprights.get(key) ?? read();
  uprights.set(key, box);
  return box;
};

interface Label extends Size {
  readonly name: string;
  readonly orientation: number;
  readonly stored: Size;
  readonly box: BoxYxyx;
}

/** One image for each orientation, labelled as people see the upright image or the stored one. */
const labelsOf = (on: 'upright' | 'stored', size: Size, prefix = 'image'): Promise<Label[]> =>
  Promise.all(
    ORIENTATIONS.map(async orientation => ({
      name: `${prefix} ${orientation}`,
      orientation,
      stored: size,
      ...(on === 'upright' ? uprightSize(orientation, size) : size),
      box: on === 'upright' ? await upright(orientation, size) : RECTANGLE,
    })),
  );

const vocOf = ({ name, width, height, box }: Label): string =>
  writeVoc({
    filename: `${name}.png`,
    width,
    height,
    boxes: [{ box, label: 'thing', crowd: false, difficult: false }],
  });

/** Writes the label files of each format. */
const FORMATS: Readonly<Record<string, (folder: string, labels: readonly Label[]) => Promise<unknown>>> = {
  voc: (folder, labels) =>
    Promise.all(labels.map(label => writeText(join(folder, `${label.name}.xml`), vocOf(label)))),
  manifest: async (folder, labels) => {
    for (const label of labels) await writeText(join(folder, 'xml', `${label.name}.xml`), vocOf(label));
    const lines = labels.map(({ name }) =>
      JSON.stringify({ source: `${name}.png`, annotation: [{ 'annotation-loc': `xml/${name}.xml` }] }),
    );
    await writeText(join(folder, 'v.manifest'), lines.join('\n'));
  },
  coco: (folder, labels) =>
    writeText(
      join(folder, 'labels.json'),
      JSON.stringify({
        images: labels.map(({ name, width, height }, id) => ({
          id,
          file_name: `${name}.png`,
          width,
          height,
        })),
        annotations: labels.map(({ box: [y0, x0, y1, x1] }, id) => ({
          ...{ id, image_id: id, category_id: 1, iscrowd: 0 },
          bbox: [x0, y0, x1 - x0, y1 - y0],
        })),
        categories: [{ id: 1, name: 'thing' }],
      }),
    ),
  yolo: async (folder, labels) => {
    for (const {
      name,
      width,
      height,
      box: [y0, x0, y1, x1],
    } of labels) {
      const shares = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height];
      const line = ['0', ...shares.map(share => share.toFixed(6))].join(' ');
      await writeText(join(folder, `${name}.txt`), `${line}\n`);
    }
    await writeText(join(folder, 'classes.txt'), 'thing\n');
  },
};

interface Turned extends Cleaned {
  /** By name of the image: its label and where the rectangle is in the cleaned image. */
  readonly pairs: Readonly<Record<string, { labelled: unknown; found: unknown }>>;
}

async function cleanLabels(
  format: string,
  labels: readonly Label[],
  cleaning: Readonly<Record<string, unknown>> = {},
): Promise<Turned> {
  const source = await temporaryFolder();
  for (const { name, orientation, stored: size } of labels)
    await writeFile(join(source, `${name}.png`), await storedFile(orientation, size));
  await FORMATS[format]!(source, labels);
  const cleaned = await cleanFolder(source, { cleaning: { off: OFF, ...cleaning } } as never);
  expect(cleaned.report.format).toBe(format);
  const pairs: Record<string, { labelled: unknown; found: unknown }> = {};
  for (const { id, image, boxes } of cleaned.dataset.splits.train) {
    const file = sharp(join(cleaned.outFolder, image));
    expect((await file.metadata()).orientation ?? 1).toBe(1);
    pairs[id] = { labelled: boxes[0]!.box, found: await find(file) };
  }
  return { ...cleaned, pairs };
}

async function expectOnObjects({ pairs }: Turned, labels: readonly Label[]): Promise<void> {
  const expected = await Promise.all(
    labels.map(async ({ name, orientation, stored: size }) => {
      const box = await upright(orientation, size);
      return [name, { labelled: box, found: box }] as const;
    }),
  );
  expect(pairs).toEqual(Object.fromEntries(expected));
}

const warnings = ({ report }: Cleaned): string[] =>
  report.dataset.filter(({ rule }) => rule === 'I03').map(({ reason }) => reason);

describe.each(Object.keys(FORMATS))('labels in %s', format => {
  it.each([
    ['that is not square', STORED],
    ['that is square', SQUARE],
  ])('made on the upright image, %s, stay on their objects in every orientation', async (_, size) => {
    const labels = await labelsOf('upright', size);
    await expectOnObjects(await cleanLabels(format, labels), labels);
  });

  it('made on the stored image turn with it where people say so', async () => {
    const labels = [...(await labelsOf('stored', STORED)), ...(await labelsOf('stored', SQUARE, 'square'))];
    const cleaned = await cleanLabels(format, labels, { labelled_on: 'stored' });
    await expectOnObjects(cleaned, labels);
    expect(warnings(cleaned)).toEqual([]);
  });

  it('made on the upright image stay where people say so, whatever size is declared', async () => {
    const labels = (await labelsOf('upright', STORED)).map(label =>
      format === 'yolo' ? label : { ...label, ...STORED },
    );
    await expectOnObjects(await cleanLabels(format, labels, { labelled_on: 'upright' }), labels);
  });
});

describe.each(['voc', 'coco', 'manifest'])(
  'labels in %s, whose images show what they were made on',
  format => {
    it('on the stored image: the boxes of all images turn', async () => {
      const labels = [...(await labelsOf('stored', STORED)), ...(await labelsOf('stored', SQUARE, 'square'))];
      const cleaned = await cleanLabels(format, labels);
      await expectOnObjects(cleaned, labels);
      expect(warnings(cleaned)).toEqual([]);
      const reasons = new Map(cleaned.ledger.map(({ file, reason }) => [basename(file, '.png'), reason]));
      expect(reasons.get('image 6')).toBe('image and boxes turned upright');
      expect(reasons.get('square 6')).toBe('image and boxes turned upright (as 4 other images show)');
    });

    it('on neither: the boxes are taken as upright, with a warning', async () => {
      const cleaned = await cleanLabels(format, await labelsOf('upright', SQUARE));
      expect(warnings(cleaned)).toEqual([
        '7 images with an EXIF orientation: the boxes are taken as drawn on the upright image, but no image of the data ' +
          'set shows whether boxes were drawn on upright images or on stored ones; look at them in the report, and set ' +
          'data.cleaning.labelled_on if they are wrong',
      ]);
      expect(cleaned.ledger[0]!.reason).toBe(
        'image turned upright; its boxes were upright already (assumed, as the data set does not show it)',
      );
    });

    it('on both: the majority decides, with a warning', async () => {
      const [turned, square] = [await labelsOf('stored', STORED), await labelsOf('stored', SQUARE, 'square')];
      const other = (await labelsOf('upright', STORED, 'other')).slice(-1);
      const labels = [...turned, ...square, ...other];
      const cleaned = await cleanLabels(format, labels);
      await expectOnObjects(cleaned, labels);
      expect(warnings(cleaned)).toEqual([
        expect.stringMatching(
          /^10 images .* as drawn on the stored image, but 1 image with boxes on the upright image and 4 with /,
        ),
      ]);
    });
  },
);

describe('I03, EXIF orientation', () => {
  it('names no image in the ledger that is upright, and counts those that it turned', async () => {
    const { ledger, report } = await cleanLabels('voc', await labelsOf('upright', STORED));
    expect(ledger.map(({ rule, action, file }) => [rule, action, basename(file)])).toEqual(
      ORIENTATIONS.slice(1).map(orientation => ['I03', 'change', `image ${orientation}.png`]),
    );
    expect(report.rules.find(({ id }) => id === 'I03')).toMatchObject({ found: 7 });
  });

  it('does not let images of one source decide for another one', async () => {
    const [source, evaluation] = [await temporaryFolder(), await temporaryFolder()];
    const item = async (orientation: number, size: Size) => ({
      image: await stored(orientation, size).png().toBuffer(),
      boxes: [RECTANGLE],
      declared: size,
    });
    await writeVocSet(source, { turned: await item(6, STORED), square: await item(6, SQUARE) });
    await writeVocSet(evaluation, { other: await item(6, SQUARE) });
    const { dataset } = await cleanFolder(source, { eval: evaluation });
    const boxOf = (split: 'train' | 'eval', id: string): unknown =>
      dataset.splits[split].find(sample => sample.id === id)!.boxes[0]!.box;
    expect(boxOf('train', 'square')).toEqual(await upright(6, SQUARE));
    expect(boxOf('eval', 'other')).toEqual(RECTANGLE);
  });

  it('does not ask about images without boxes', async () => {
    const image = await stored(6, SQUARE).png().toBuffer();
    const cleaned = await cleanItems({ empty: { image, boxes: [], declared: SQUARE } });
    expect(cleaned.dataset.splits.train.map(({ id }) => id)).toEqual(['a sound one', 'empty']);
    expect(warnings(cleaned)).toEqual([]);
  });

  it('warns while the images are copied', async () => {
    const [source, outFolder] = [await temporaryFolder(), await temporaryFolder()];
    const image = await stored(3, SQUARE).png().toBuffer();
    await writeVocSet(source, { sound: {}, turned: { image, boxes: [RECTANGLE], declared: SQUARE } });
    const notes: (string | undefined)[] = [];
    const onProgress = ({ phase, note }: StageProgress): void => {
      if (phase === 'copy') notes.push(note);
    };
    await mkdir(outFolder, { recursive: true });
    await cleanDataset({
      data: Data.parse({ train: source, cleaning: { off: OFF } }),
      outFolder,
      onProgress,
    });
    expect(notes).toEqual(
      [1, 2].map(() => expect.stringMatching(/^warning: 1 image with an EXIF/) as string),
    );
  });

  it('turns images upright even where nothing is cleaned', async () => {
    const image = await stored(6).png().toBuffer();
    const items = { turned: { image, boxes: [RECTANGLE], declared: STORED } };
    const { dataset } = await cleanItems(items, { do_data_cleaning: false });
    expect(dataset.splits.train[1]!.boxes[0]!.box).toEqual(await upright(6));
  });
});
