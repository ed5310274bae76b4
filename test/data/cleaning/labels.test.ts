import { describe, expect, it } from 'vitest';
import { type Cleaned, cleanItems } from './voc-set.js';

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
});
