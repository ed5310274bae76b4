import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BoxYxyx } from '../../../src/boxes.js';
import { Cleaning } from '../../../src/config/cleaning.js';
import { REPORT_PAGE } from '../../../src/data/cleaning/report.js';
import { REVIEW_SHEET, reviewLabels } from '../../../src/data/cleaning/review.js';
import { readCleaningFindings } from '../../../src/formats/cleaning-report.js';
import type { Prediction } from '../../../src/formats/prediction.js';
import { type Cleaned, cleanItems, SIZE } from './voc-set.js';

const A: BoxYxyx = [10, 10, 40, 40];
const B: BoxYxyx = [45, 60, 75, 95];
const C: BoxYxyx = [50, 5, 70, 25];

interface Found {
  readonly box: BoxYxyx;
  readonly label: string;
  readonly score: number;
}

const cat = (box: BoxYxyx, score = 0.99): Found => ({ box, label: 'cat', score });

/** A model that finds these in each image, by the image's name. */
const modelThatFinds =
  (found: Readonly<Record<string, readonly Found[]>>) =>
  async (images: readonly string[], minScore: number): Promise<Prediction[]> =>
    images.map(image => ({
      image,
      ...SIZE,
      engine: 'onnxruntime',
      detections: (found[basename(image, '.png')] ?? []).filter(({ score }) => score >= minScore),
    }));

const clean = (): Promise<Cleaned> =>
  cleanItems({
    good: { boxes: [{ label: 'cat', box: A }] },
    missing: { boxes: [{ label: 'cat', box: A }] },
    misnamed: { boxes: [{ label: 'dog', box: A }, { label: 'cat', box: B }] }, // prettier-ignore
    shifted: { boxes: [{ label: 'cat', box: [25, 25, 55, 55] }] },
    bare: { boxes: [] },
  });

const FOUND = {
  good: [cat(A)],
  missing: [cat(A), cat(B, 0.97), cat(C, 0.9)],
  misnamed: [cat(A), cat(B)],
  shifted: [cat(A)],
  bare: [cat(B, 0.7)],
};

describe('M01', () => {
  it('doubts what is overlooked, misnamed or badly located, and queues the worst first', async () => {
    const { outFolder, ledger } = await clean();
    const limits = Cleaning.parse({});
    const classes = ['thing', 'cat', 'dog', 'more'];
    const findings = await reviewLabels({
      folder: outFolder,
      limits,
      classes,
      predict: modelThatFinds(FOUND),
    });
    const doubts = findings.ledger.slice(ledger.length);
    expect(
      doubts.map(({ file, reason }) => [basename(file), reason.replace(/\d\.\d\d$/, 'q')]).sort(),
    ).toEqual([
      ['misnamed.png', 'dog: wrong class: quality q'],
      ['missing.png', 'overlooked: a cat of score 0.97 where nothing is labelled'],
      ['shifted.png', 'cat: badly located: quality q'],
    ]);
    expect(doubts.every(({ rule, action }) => rule === 'M01' && action === 'warn')).toBe(true);
    const misnamed = doubts.find(({ file }) => file.endsWith('misnamed.png'));
    expect(misnamed).toMatchObject({
      at: 0,
      before: { box: A, label: 'dog' },
      after: { box: A, label: 'cat', score: 0.99 },
    });
    const { review } = findings.report;
    expect(review!.map(({ findings: count }) => count)).toEqual([1, 1, 1]);
    const scores = review!.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => a - b));
    expect(findings.report.rules.at(-1)).toMatchObject({ id: 'M01', found: 3 });
    expect(await readCleaningFindings(outFolder)).toEqual(findings);
    expect((await stat(join(outFolder, REVIEW_SHEET))).size).toBeGreaterThan(1000);
    expect(await readFile(join(outFolder, REPORT_PAGE), 'utf8')).toContain('Review queue, the worst first');
  });

  it('has limits', async () => {
    const { outFolder, ledger } = await clean();
    const limits = Cleaning.parse({ min_doubt_score: 1, min_location_score: 1 });
    const { ledger: all, report } = await reviewLabels({
      folder: outFolder,
      limits,
      classes: ['cat', 'dog', 'thing'],
      predict: modelThatFinds(FOUND),
    });
    expect(all).toEqual(ledger);
    expect(report.review).toEqual([]);
  });

  it('needs a model that knows every class', async () => {
    const { outFolder } = await clean();
    const call = reviewLabels({
      folder: outFolder,
      limits: Cleaning.parse({}),
      classes: ['cat'],
      predict: modelThatFinds({}),
    });
    await expect(call).rejects.toMatchObject({ code: 'CLASSES_DIFFER' });
  });
});
