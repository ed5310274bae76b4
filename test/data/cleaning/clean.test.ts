import { mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Data } from '../../../src/config/run.js';
import { cleanDataset } from '../../../src/data/cleaning/clean.js';
import { readCleanedDataset } from '../../../src/formats/dataset.js';
import { sha256OfFile } from '../../../src/files/hashing.js';
import type { StageProgress } from '../../../src/formats/progress.js';
import { temporaryFolder } from '../scene.js';
import { type Cleaned, cleanFolder, cleanItems, SIZE, type VocItem, writeVocSet } from './voc-set.js';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `image ${index}`);
const itemsOf = (list: readonly string[]): Record<string, VocItem> =>
  Object.fromEntries(list.map(name => [name, {}]));

async function hashesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  const hashes = await Promise.all(files.sort().map(async file => [file, await sha256OfFile(file)]));
  return Object.fromEntries(hashes.map(([file, hash]) => [file!.slice(folder.length), hash])) as Record<
    string,
    string
  >;
}

const defects: Record<string, VocItem> = {
  ...itemsOf(names(8)),
  cut: { image: Buffer.from('x') },
  thin: { boxes: [[1, 1, 1, 9], [1, 1, 30, 30]] }, // prettier-ignore
  bare: { xml: null },
};

describe('cleanDataset', () => {
  it('gives the same bytes twice and never touches the originals', async () => {
    const source = await temporaryFolder();
    await writeVocSet(source, defects);
    const before = await hashesOf(source);
    const first = await cleanFolder(source, { eval: null });
    const second = await cleanFolder(source, { eval: null });
    expect(await hashesOf(second.outFolder)).toEqual(await hashesOf(first.outFolder));
    expect(await hashesOf(source)).toEqual(before);
  });

  it('counts from 1 over both splits and finds the images where it says', async () => {
    const { dataset, outFolder } = await cleanItems(defects);
    const samples = [...dataset.splits.train, ...dataset.splits.eval];
    expect(samples.map(({ imageId }) => imageId)).toEqual(samples.map((_, index) => index + 1));
    for (const { image } of samples)
      expect((await readFile(join(outFolder, image))).length).toBeGreaterThan(0);
    expect(samples[0]).toMatchObject({ id: 'a sound one', image: 'images/train/a sound one.png', ...SIZE });
  });

  it('reports classes, counts and histograms', async () => {
    const { report } = await cleanItems({
      one: { boxes: [{ label: 'zebra', box: [0, 0, 10, 10] }] },
      two: {
        boxes: [
          { label: 'ant', box: [0, 0, 40, 40] },
          { label: 'ant', box: [40, 40, 80, 80] },
        ],
      },
      cut: { image: Buffer.from('x') },
    });
    expect(report).toMatchObject({
      format: 'voc',
      classes: ['ant', 'thing', 'zebra'],
      dropped: 1,
      changed: 0,
    });
    expect(report.splits.train).toEqual({
      images: 3,
      boxes: 4,
      boxesPerClass: { ant: 2, thing: 1, zebra: 1 },
      boxesPerImage: { edges: [0, 1, 2], counts: [0, 2, 1] },
      boxSides: { edges: [0, 1, 2, 4, 8, 16, 32], counts: [0, 0, 0, 0, 1, 1, 2] },
      imageSides: { edges: [0, 1, 2, 4, 8, 16, 32, 64], counts: [0, 0, 0, 0, 0, 0, 0, 3] },
    });
    expect(report.splits.eval.images).toBe(1);
  });

  it('says how far it is, and stops when asked to', async () => {
    const source = await temporaryFolder();
    await writeVocSet(source, itemsOf(names(6)));
    const data = Data.parse({ train: source, cleaning: { off: ['I08'] } });
    const progress: StageProgress[] = [];
    await cleanDataset({
      data,
      outFolder: await temporaryFolder(),
      onProgress: value => progress.push(value),
    });
    expect(progress.map(({ phase, step, totalSteps }) => `${phase} ${step}/${totalSteps}`)).toEqual(
      ['examine', 'copy'].flatMap(phase => [1, 2, 3, 4, 5, 6].map(step => `${phase} ${step}/6`)),
    );
    const stop = new AbortController();
    const onProgress = ({ phase, step }: StageProgress): void => {
      if (phase === 'examine' && step === 3) stop.abort(new Error('stopped'));
    };
    const outFolder = await temporaryFolder();
    await expect(cleanDataset({ data, outFolder, signal: stop.signal, onProgress })).rejects.toThrow(
      'stopped',
    );
    expect(await readdir(outFolder)).toEqual([]);
  });
});

describe('splits', () => {
  const splitOf = async (list: readonly string[]): Promise<Map<string, string>> => {
    const source = await temporaryFolder();
    await writeVocSet(source, itemsOf(list));
    const { dataset } = await cleanFolder(source, { eval: null });
    return new Map(
      (['train', 'eval'] as const).flatMap(split =>
        dataset.splits[split].map(({ id }) => [id, split] as const),
      ),
    );
  };

  it('are about 8:2 by the id, and stay when images come', async () => {
    const before = await splitOf(names(100));
    const after = await splitOf(names(130));
    const evaluated = [...before.values()].filter(split => split === 'eval').length;
    expect(evaluated).toBeGreaterThan(10);
    expect(evaluated).toBeLessThan(30);
    for (const [id, split] of before) expect(after.get(id)).toBe(split);
  });

  it('give both sides something even where there are two images', async () => {
    expect([...(await splitOf(names(2))).values()].sort()).toEqual(['eval', 'train']);
  });

  it('are those that the data set names; an image in both is not trained on', async () => {
    const source = await temporaryFolder();
    await writeVocSet(join(source, 'JPEGImages'), itemsOf(['a', 'b', 'c', 'd']));
    await mkdir(join(source, 'ImageSets/Main'), { recursive: true });
    await writeFile(join(source, 'ImageSets/Main/train.txt'), 'a\nb\n');
    await writeFile(join(source, 'ImageSets/Main/val.txt'), 'b\nc\n');
    const { dataset, ledger } = await cleanFolder(source, { eval: null });
    expect(dataset.splits.train.map(({ id }) => id)).toEqual(['a']);
    expect(dataset.splits.eval.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(ledger).toMatchObject([
      { rule: 'I10', action: 'drop-sample', split: 'train', file: join(source, 'JPEGImages/b.png') },
    ]);
    const same = await cleanFolder(source, { eval: source });
    expect(same.dataset.splits.train.map(({ id }) => id)).toEqual(['a']);
    expect(same.dataset.splits.eval.map(({ id }) => id)).toEqual(['b', 'c']);
  });

  it('give up the copy that people name, or none', async () => {
    const source = await temporaryFolder();
    await writeVocSet(join(source, 'JPEGImages'), itemsOf(['a', 'b', 'c']));
    await mkdir(join(source, 'ImageSets/Main'), { recursive: true });
    await writeFile(join(source, 'ImageSets/Main/train.txt'), 'a\nb\n');
    await writeFile(join(source, 'ImageSets/Main/val.txt'), 'b\nc\n');
    const clean = async (leak: string): Promise<unknown[]> => {
      const cleaning = { off: ['I07', 'I08', 'I09'] as const, leak };
      const { dataset, ledger } = await cleanFolder(source, { eval: null, cleaning } as never);
      const ids = (['train', 'eval'] as const).map(split => dataset.splits[split].map(({ id }) => id));
      return [...ids, ledger.map(({ rule, action, split }) => `${rule} ${action} ${split}`)];
    };
    expect(await clean('drop_eval')).toEqual([['a', 'b'], ['c'], ['I10 drop-sample eval']]);
    expect(await clean('warn')).toEqual([['a', 'b'], ['b', 'c'], ['I10 warn train']]);
  });
});

describe('a test split', () => {
  const SPLIT_LISTS = { train: 'a b', val: 'b c d', test: 'a d e' };
  const writeLists = async (lists: Readonly<Record<string, string>>, more = {}): Promise<string> => {
    const source = await temporaryFolder();
    await writeVocSet(join(source, 'JPEGImages'), { ...itemsOf(['a', 'b', 'c', 'd', 'e', 'f']), ...more });
    await mkdir(join(source, 'ImageSets/Main'), { recursive: true });
    for (const [name, ids] of Object.entries(lists))
      await writeFile(join(source, `ImageSets/Main/${name}.txt`), `${ids.split(' ').join('\n')}\n`);
    return source;
  };
  const off = ['I07', 'I08', 'I09'] as const;
  const idsOf = ({ dataset }: Cleaned): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(dataset.splits).map(([split, list]) => [split, list.map(({ id }) => id)]),
    );

  it('is cleaned as the others are, and shares no image with them', async () => {
    const odd: VocItem = { boxes: [[1, 1, 1, 9], [1, 1, 30, 30]] }; // prettier-ignore
    const source = await writeLists({ ...SPLIT_LISTS, train: 'a b f', test: 'a d e odd' }, { odd });
    const cleaned = await cleanFolder(source, { eval: null, cleaning: { off: [...off] } });
    expect(idsOf(cleaned)).toEqual({ train: ['f'], eval: ['b', 'c', 'd'], test: ['a', 'e', 'odd'] });
    expect(cleaned.ledger.map(({ rule, action, split }) => `${rule} ${action} ${split}`)).toEqual([
      'I10 drop-sample train',
      'I10 drop-sample train',
      'I10 drop-sample test',
      'L04 drop-box test',
    ]);
    expect(cleaned.report.splits.test).toMatchObject({ images: 3, boxes: 3 });
    const [sample] = cleaned.dataset.splits.test;
    expect(sample!.image).toBe('images/test/a.png');
    expect((await readFile(join(cleaned.outFolder, sample!.image))).length).toBeGreaterThan(0);
    expect(await readFile(join(cleaned.outFolder, 'report.html'), 'utf8')).toContain('<td>test</td>');
  });

  it('gives up what is used for training where people say so', async () => {
    const source = await writeLists(SPLIT_LISTS);
    const cleaned = await cleanFolder(source, { eval: null, cleaning: { off: [...off], leak: 'drop_eval' } });
    expect(idsOf(cleaned)).toEqual({ train: ['a', 'b'], eval: ['c', 'd'], test: ['e'] });
  });

  it('is empty where the data set names none', async () => {
    const cleaned = await cleanItems({});
    expect(cleaned.dataset.splits.test).toEqual([]);
    expect(cleaned.report.splits.test.images).toBe(0);
    const page = await readFile(join(cleaned.outFolder, 'report.html'), 'utf8');
    expect(page).not.toContain('<td>test</td>');
  });

  it('of which nothing is left is a warning', async () => {
    const source = await writeLists({ train: 'a b', val: 'c d', test: 'd' });
    const { report, dataset } = await cleanFolder(source, { eval: null, cleaning: { off: [...off] } });
    expect(dataset.splits.test).toEqual([]);
    expect(report.dataset.filter(({ rule }) => rule === 'L15').map(({ reason }) => reason)).toEqual([
      'the test split has no usable image left of 1; the ledger says why',
    ]);
  });

  it('is kept beside an evaluation split of other data, and can be other data itself', async () => {
    const source = await writeLists({ train: 'a b', val: 'c', test: 'd e' });
    const cleaning = { off: [...off] };
    expect(idsOf(await cleanFolder(source, { cleaning }))).toEqual({
      train: ['a', 'b'],
      eval: ['sound'],
      test: ['d', 'e'],
    });
    const test = await temporaryFolder();
    await writeVocSet(test, itemsOf(['x', 'y']));
    expect(idsOf(await cleanFolder(source, { eval: null, test, cleaning }))).toEqual({
      train: ['a', 'b'],
      eval: ['c'],
      test: ['x', 'y'],
    });
  });

  it('of the data that is named to evaluate on is not used, which is a warning', async () => {
    const source = await temporaryFolder();
    await writeVocSet(source, itemsOf(names(4)));
    const evaluation = await writeLists({ train: 'a', val: 'b', test: 'c' });
    const cleaning = { off: [...off] };
    const { dataset, report } = await cleanFolder(source, { eval: evaluation, cleaning });
    expect(dataset.splits.eval.map(({ id }) => id)).toEqual(['b']);
    expect(dataset.splits.test).toEqual([]);
    expect(report.dataset.map(({ rule, reason }) => `${rule} ${reason}`)).toContain(
      `L15 ${evaluation}: its test split is not used; data.test can name it`,
    );
    const named = await cleanFolder(source, { eval: evaluation, test: evaluation, cleaning });
    expect(idsOf(named)).toMatchObject({ eval: ['b'], test: ['c'] });
  });

  it('says so where the data that is named for it belongs to other splits', async () => {
    const source = await temporaryFolder();
    await writeVocSet(source, itemsOf(names(4)));
    const test = await writeLists({ train: 'a b', val: 'c' });
    const { dataset, report } = await cleanFolder(source, { test, cleaning: { off: [...off] } });
    expect(dataset.splits.test).toEqual([]);
    expect(report.dataset.map(({ rule, reason }) => `${rule} ${reason}`)).toContain(
      `L15 ${test}: all its images belong to other splits than test`,
    );
  });
});

describe('a data set to evaluate on', () => {
  const evaluated = async (source: string, cleaning = {}): Promise<string[][]> => {
    const outFolder = await temporaryFolder();
    await cleanDataset({ data: Data.parse({ train: source, cleaning }), outFolder, evaluationOnly: true });
    const { train, eval: evaluation, test } = (await readCleanedDataset(outFolder)).splits;
    return [train, evaluation, ...(test.length > 0 ? [test] : [])].map(samples =>
      samples.map(({ id }) => id),
    );
  };

  it('may be a single image', async () => {
    const source = await temporaryFolder();
    await writeVocSet(source, itemsOf(['a']));
    expect(await evaluated(source)).toEqual([[], ['a']]);
  });

  it('keeps its test split apart', async () => {
    const source = await temporaryFolder();
    await writeVocSet(join(source, 'JPEGImages'), itemsOf(['a', 'b', 'c']));
    await mkdir(join(source, 'ImageSets/Main'), { recursive: true });
    for (const [name, id] of Object.entries({ train: 'a', val: 'b', test: 'c' }))
      await writeFile(join(source, `ImageSets/Main/${name}.txt`), `${id}\n`);
    expect(await evaluated(source, { off: ['I08', 'I09'] })).toEqual([[], ['b'], ['c']]);
  });

  it('leaves out what it names for training', async () => {
    const source = await temporaryFolder();
    await writeVocSet(join(source, 'JPEGImages'), itemsOf(['a', 'b']));
    await mkdir(join(source, 'ImageSets/Main'), { recursive: true });
    await writeFile(join(source, 'ImageSets/Main/train.txt'), 'a\n');
    await writeFile(join(source, 'ImageSets/Main/val.txt'), 'b\n');
    expect(await evaluated(source)).toEqual([[], ['b']]);
  });
});

describe('classes', () => {
  const items = { one: { boxes: [{ label: 'dog', box: [1, 1, 30, 30] as const }] } };

  it('are the configured ones, in their order, unused ones included', async () => {
    const { dataset } = await cleanItems(items, { classes: ['thing', 'cat', 'dog'] });
    expect(dataset.classes).toEqual(['thing', 'cat', 'dog']);
    expect(dataset.splits.train.map(({ boxes }) => boxes[0]!.classIndex)).toEqual([0, 2]);
  });

  it('refuse labels that none of them has, all at once, with file and what is allowed', async () => {
    const more = { two: { boxes: [{ label: 'dig', box: [1, 1, 30, 30] as const }] } };
    await expect(cleanItems({ ...items, ...more }, { classes: ['thing', 'cat'] })).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
      retryable: false,
      message: expect.stringMatching(
        /one\.xml: label "dog" is not a class \(1 occurrence\)\n.*two\.xml: label "dig".*\n {2}allowed: thing, cat$/,
      ) as string,
    });
  });

  it('of a COCO file keep its order without the unused, and categories that do not exist are refused', async () => {
    const folder = await temporaryFolder();
    await writeVocSet(folder, { a: {} });
    const annotation = { image_id: 1, category_id: 7, bbox: [1, 1, 20, 20] };
    const write = (annotations: unknown[]): Promise<void> =>
      writeFile(
        join(folder, 'labels.json'),
        JSON.stringify({
          images: [{ id: 1, file_name: 'a.png' }],
          annotations,
          categories: [
            { id: 9, name: 'zebra' },
            { id: 8, name: 'unused' },
            { id: 7, name: 'thing' },
          ],
        }),
      );
    await write([annotation, { ...annotation, category_id: 9 }]);
    const file = join(folder, 'labels.json');
    expect((await cleanFolder(file, { format: 'auto' })).dataset.classes).toEqual(['zebra', 'thing']);
    await write([{ ...annotation, category_id: 3 }]);
    await expect(cleanFolder(file)).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
      message: expect.stringContaining('label "category 3" is not a class') as string,
    });
  });
});

describe('bad data sets', () => {
  it('with nothing usable say which rule dropped how many', async () => {
    const source = await temporaryFolder();
    await writeVocSet(source, { a: { image: Buffer.from('x') }, b: { xml: null }, c: { xml: null } });
    await expect(cleanFolder(source)).rejects.toMatchObject({
      code: 'DATA_NOTHING_USABLE',
      message: `${source}: no usable image is left for training (I01 dropped 1, L11 dropped 2)`,
    });
  });

  it('with nothing to evaluate on are refused too', async () => {
    const [source, evaluation] = [await temporaryFolder(), await temporaryFolder()];
    await writeVocSet(source, { a: {} });
    await writeVocSet(evaluation, { b: { xml: '<annotation' } });
    await expect(cleanFolder(source, { eval: evaluation })).rejects.toMatchObject({
      code: 'DATA_NOTHING_USABLE',
      message: `${evaluation}: no usable image is left for evaluation (L01 dropped 1)`,
    });
  });
});

describe('without cleaning', () => {
  const options = { do_data_cleaning: false };

  it('keeps boxes as they are', async () => {
    const boxes = [[1, 1, 30, 30], [1, 1, 30, 30], [-10, 20, 10, 40]] as const; // prettier-ignore
    const { dataset, ledger } = await cleanItems({ odd: { boxes } }, options);
    expect(dataset.splits.train[1]!.boxes.map(({ box }) => box)).toEqual(boxes);
    expect(ledger).toEqual([]);
  });

  it.each([
    ['an image', { image: Buffer.from('x') }, 'DATA_IMAGE_UNREADABLE', /odd\.png: /],
    ['a label file', { xml: '<a' }, 'DATA_UNREADABLE', /odd\.xml: /],
    [
      'a corner',
      { boxes: [[1, 1, NaN, 2]] },
      'DATA_UNREADABLE',
      /odd\.xml: object 1 lacks its name or a corner/,
    ],
  ] as const)('names %s that cannot be read', async (_, item, code, message) => {
    await expect(cleanItems({ odd: item }, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('names', () => {
  it('of images keep their folders, so that equal names do not meet', async () => {
    const source = await temporaryFolder();
    await writeVocSet(join(source, 'day'), { 1: {} });
    await writeVocSet(join(source, 'night'), { 1: {} });
    await rename(join(source, 'night/1.xml'), join(source, 'night/1.XML'));
    await utimes(join(source, 'day/1.png'), 1, 1);
    const { dataset } = await cleanFolder(source);
    expect(dataset.splits.train.map(({ image }) => image)).toEqual([
      'images/train/day/1.png',
      'images/train/night/1.png',
    ]);
  });
});
