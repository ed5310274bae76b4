import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawImage, temporaryFolder, writeText } from '../scene.js';
import { type Cleaned, cleanFolder, cleanItems, SIZE } from './voc-set.js';

const SIDE = 20;

/** As many boxes as that of each label, in one image. */
const labelled = (counts: Readonly<Record<string, number>>) => ({
  odd: {
    boxes: Object.entries(counts).flatMap(([label, count]) =>
      Array.from({ length: count }, (_, i) => ({
        label,
        box: [i % 50, label.length, SIDE + (i % 50), label.length + 5 + i / 50] as const,
      })),
    ),
  },
});
const OFF = ['I07', 'I08', 'I09', 'L07', 'L08', 'L12'] as const;
const clean = (
  counts: Readonly<Record<string, number>>,
  { cleaning = {}, ...data }: { cleaning?: Record<string, unknown>; [key: string]: unknown } = {},
): Promise<Cleaned> => cleanItems(labelled(counts), { cleaning: { off: [...OFF], ...cleaning }, ...data });

const rows = ({ ledger }: Cleaned): unknown[] =>
  ledger.map(({ rule, action, before, after }) => [
    rule,
    action,
    (before as { label: string }).label,
    (after as { label: string } | undefined)?.label,
  ]);

describe('L09', () => {
  it('writes labels alike that differ in case, blanks or Unicode form: as most are written', async () => {
    const cleaned = await clean({
      Thing: 1,
      'THING ': 1,
      'traffic  light': 1,
      'traffic light': 2,
      ｃａｔ: 1,
      cat: 2,
    });
    expect(cleaned.dataset.classes).toEqual(['cat', 'thing', 'traffic light']);
    expect(rows(cleaned)).toEqual([
      ['L09', 'change', 'Thing', 'thing'],
      // Pascal VOC's reader trims already.
      ['L09', 'change', 'THING', 'thing'],
      ['L09', 'change', 'traffic  light', 'traffic light'],
      ['L09', 'change', 'ｃａｔ', 'cat'],
    ]);
    expect(cleaned.ledger[0]!.reason).toBe(
      '"Thing" differs from "thing" only in case, blanks or Unicode form',
    );
  });

  it('takes a configured class for what is written like it, where a label would be refused', async () => {
    const cleaned = await clean({ Thing: 3, DOG: 1 }, { classes: ['thing', 'Dog'] });
    expect(cleaned.dataset.classes).toEqual(['thing', 'Dog']);
    expect(cleaned.report.splits.train.boxesPerClass).toEqual({ thing: 4, Dog: 1 });
  });

  it('leaves classes apart that people tell apart', async () => {
    const cleaned = await clean({ US: 2, us: 1 }, { classes: ['thing', 'us', 'US'] });
    expect(cleaned.ledger).toEqual([]);
    await expect(clean({ Us: 1 }, { classes: ['thing', 'us', 'US'] })).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
    });
  });

  it('warns of a rare label that is a slip of a frequent one, and suggests the map', async () => {
    const cleaned = await clean({ person: 41, persno: 2, parson: 3, 'person 2': 1, cart: 41, car: 1 });
    expect(rows(cleaned)).toEqual([
      ['L09', 'warn', 'persno', undefined],
      ['L09', 'warn', 'persno', undefined],
    ]);
    expect(cleaned.ledger[0]!.reason).toBe(
      '"persno" (2 ×) may mean "person" (41 ×); see data.cleaning.label_map',
    );
    expect(cleaned.report.suggestedLabelMap).toEqual({ persno: 'person' });
  });

  it('applies the map that people write, with or without cleaning', async () => {
    const cleaning = { label_map: { persno: 'person', absent: 'thing' } };
    for (const do_data_cleaning of [true, false]) {
      const cleaned = await clean({ person: 2, persno: 1 }, { cleaning, do_data_cleaning });
      expect(rows(cleaned)).toEqual([['L09', 'change', 'persno', 'person']]);
      expect(cleaned.dataset.classes).toEqual(['person', 'thing']);
    }
  });

  it('names the class that an unknown label may be, when it refuses it', async () => {
    await expect(clean({ persno: 1, xyz: 1 }, { classes: ['thing', 'person'] })).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
      message: expect.stringMatching(
        /"persno" is not a class \(1 occurrence\); did you mean person\?\n.*"xyz" is not a class \(1 occurrence\)\n/,
      ) as string,
      hint: expect.stringContaining('data.cleaning.label_map') as string,
    });
  });

  it('can be left out', async () => {
    const cleaned = await clean({ Thing: 1 }, { cleaning: { off: [...OFF, 'L09'] } });
    expect(cleaned.dataset.classes).toEqual(['Thing', 'thing']);
  });

  const findings = ({ report }: Cleaned): string[] =>
    report.dataset.filter(({ rule }) => rule === 'L09').map(({ reason }) => reason);

  it('keeps single characters of different case apart, and says so', async () => {
    const cleaned = await clean({ A: 2, a: 1, ａ: 1, B: 1, b: 1 });
    expect(cleaned.dataset.classes).toEqual(['A', 'B', 'a', 'b', 'thing']);
    expect(rows(cleaned)).toEqual([['L09', 'change', 'ａ', 'a']]);
    expect(findings(cleaned)).toEqual([
      '"A" (2 ×) and "a" (2 ×) differ only in case: single characters stay apart, unless data.cleaning.label_map joins them',
      '"B" (1 ×) and "b" (1 ×) differ only in case: single characters stay apart, unless data.cleaning.label_map joins them',
    ]);
    const joined = await clean({ A: 2, a: 1 }, { cleaning: { label_map: { A: 'a' } } });
    expect(joined.dataset.classes).toEqual(['a', 'thing']);
  });

  it('warns where joined spellings may be classes: in one image, or each with boxes for a class', async () => {
    const together = await clean({ Oak: 2, oak: 1 });
    expect(together.dataset.classes).toEqual(['Oak', 'thing']);
    expect(findings(together)).toEqual([
      '"oak" (1 ×) becomes "Oak" (2 ×), from which it differs only in case, both occur in 1 image; if these are two ' +
        'classes, name both in data.classes, or each by itself in data.cleaning.label_map',
    ]);
    const boxes = (label: string, count: number) => ({ boxes: labelled({ [label]: count }).odd.boxes });
    const apart = (count: number): Promise<Cleaned> =>
      cleanItems({ one: boxes('Oak', 12), two: boxes('oak', count) }, { cleaning: { off: [...OFF] } });
    expect(findings(await apart(9))).toEqual([]);
    expect(findings(await apart(10))).toEqual([
      expect.stringMatching(/^"oak" \(10 ×\) becomes "Oak" \(12 ×\), from which it differs only in case; if/),
    ]);
  });

  it('keeps spellings apart that the map names each by itself', async () => {
    const cleaned = await clean({ Oak: 2, oak: 1 }, { cleaning: { label_map: { Oak: 'Oak', oak: 'oak' } } });
    expect(cleaned.dataset.classes).toEqual(['Oak', 'oak', 'thing']);
    expect(cleaned.ledger).toEqual([]);
  });
});

const LETTERS = ['A', 'a', 'B', 'b'];

describe('a list of classes that the data set itself names', () => {
  const cleanFiles = async (files: Readonly<Record<string, string>>, images: readonly string[]) => {
    const folder = await temporaryFolder();
    for (const name of images) await drawImage(SIZE).png().toFile(join(folder, name));
    for (const [name, text] of Object.entries(files)) await writeText(join(folder, name), text);
    return folder;
  };
  const options = { cleaning: { off: [...OFF] } };
  const cocoOf = (images: readonly string[], categories: readonly string[]): string =>
    JSON.stringify({
      images: images.map((file_name, id) => ({ id, file_name })),
      annotations: images.flatMap((_, image_id) =>
        categories.map((__, i) => ({ image_id, category_id: i, bbox: [9 * i, 9 * i, 20, 20] })),
      ),
      categories: categories.map((name, id) => ({ id, name })),
    });
  const lines = LETTERS.map((_, i) => `${i} 0.${i + 2} 0.${i + 2} 0.2 0.2\n`).join('');

  it.each<[string, Readonly<Record<string, string>>]>([
    [
      'data.yaml',
      {
        'data.yaml': `path: .\ntrain: .\nnames: [${LETTERS.join(', ')}]\n`,
        'one.txt': lines,
        'two.txt': lines,
      },
    ],
    ['COCO', { 'labels.json': cocoOf(['one.png', 'two.png'], LETTERS) }],
  ])('is fixed: letters of both cases stay four classes, %s', async (_, files) => {
    const source = await cleanFiles(files, ['one.png', 'two.png']);
    const { dataset, ledger, report } = await cleanFolder(source, { ...options, eval: null });
    expect(dataset.classes).toEqual(LETTERS);
    const { train, eval: evaluation } = dataset.splits;
    for (const [sample] of [train, evaluation])
      expect(sample!.boxes.map(({ classIndex }) => classIndex)).toEqual([0, 1, 2, 3]);
    expect(ledger).toEqual([]);
    expect(report.dataset.filter(({ rule }) => rule === 'L09')).toEqual([]);
  });

  it('joins the spellings of two lists, which nobody told apart', async () => {
    const files = {
      'train.json': cocoOf(['one.png'], ['Oak', 'elm']),
      'val.json': cocoOf(['two.png'], ['oak']),
    };
    const folder = await cleanFiles(files, ['one.png', 'two.png']);
    const { dataset, ledger } = await cleanFolder(folder, { ...options, eval: null });
    expect(dataset.classes).toEqual(['Oak', 'elm']);
    expect(ledger.map(({ rule, split, reason }) => [rule, split, reason])).toEqual([
      ['L09', 'eval', '"oak" differs from "Oak" only in case, blanks or Unicode form'],
    ]);
  });
});
