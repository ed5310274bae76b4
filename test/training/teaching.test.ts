import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrainingBatch } from '../../src/data/batches.js';
import { AnswerCache, type ImageAnswers } from '../../src/training/answer-cache.js';
import { Teaching } from '../../src/training/teaching.js';

const SHAPE = { kept: 2, numClasses: 1 };

/** Images of one pixel, which holds the number in their name and the view. */
const batchOf = (sampleIds: readonly string[], view = 0): TrainingBatch => ({
  step: 0,
  view,
  images: Float32Array.from(sampleIds.flatMap(id => [Number(id), view, 0])),
  classTargets: new Int32Array(),
  boxTargets: new Float32Array(),
  numPositives: new Float32Array(),
  sampleIds,
});

/** What the teacher of these tests says of such an image. */
const answerTo = (image: number, view: number): number[] => [100 * view + image, -image];

const logitsOf = (sampleIds: readonly string[], view = 0): number[] =>
  sampleIds.flatMap(id => answerTo(Number(id), view));

describe('a teacher that is asked once', () => {
  let folder = '';
  /** The images that it was asked about, one list each time. */
  const asked: number[][] = [];
  const notes: string[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'teaching-'));
    asked.length = notes.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const ask = (images: Float32Array): Promise<ImageAnswers> => {
    const each = Array.from({ length: images.length / 3 }, (_, i) => images.subarray(3 * i, 3 * i + 3));
    asked.push(each.map(([number]) => number!));
    return Promise.resolve({
      anchors: Int32Array.from(each.flatMap(([number]) => [number!, number! + 1])),
      logits: Float32Array.from(each.flatMap(([number, view]) => answerTo(number!, view!))),
      deltas: Float32Array.from(each.flatMap(([number]) => Array<number>(8).fill(number!))),
    });
  };
  const open = async (answers = join(folder, 'answers')): Promise<Teaching> =>
    new Teaching({
      cache: await AnswerCache.open(answers, SHAPE),
      ask,
      onNote: note => notes.push(note),
    });

  it('is asked about what it was not asked before, and answers in the order of the batch', async () => {
    const teaching = await open();
    const first = await teaching.answersTo(batchOf(['3', '1']));
    expect(first).toEqual({
      anchors: Int32Array.of(3, 4, 1, 2),
      logits: Float32Array.from(logitsOf(['3', '1'])),
      deltas: Float32Array.from([...Array<number>(8).fill(3), ...Array<number>(8).fill(1)]),
    });
    const mixed = await (await open()).answersTo(batchOf(['1', '5', '3', '2']));
    expect([...mixed.logits]).toEqual(logitsOf(['1', '5', '3', '2']));
    expect([...mixed.anchors]).toEqual([1, 2, 5, 6, 3, 4, 2, 3]);
    expect(asked).toEqual([
      [3, 1],
      [5, 2],
    ]);
    expect(teaching.asked).toMatchObject({ steps: 1 });
  });

  it('is asked about every view', async () => {
    const teaching = await open();
    for (const view of [0, 1, 0, 1])
      expect([...(await teaching.answersTo(batchOf(['1', '2'], view))).logits]).toEqual(
        logitsOf(['1', '2'], view),
      );
    expect(asked).toHaveLength(2);
  });

  it('is asked once about an image that fills a batch by repetition', async () => {
    const { logits } = await (await open()).answersTo(batchOf(['4', '6', '4']));
    expect([...logits]).toEqual(logitsOf(['4', '6', '4']));
    expect(asked).toEqual([[4, 6]]);
  });

  it('teaches on where its answers cannot be kept, and says so once', async () => {
    await writeFile(join(folder, 'file'), '');
    const teaching = await open(join(folder, 'file'));
    for (let time = 0; time < 2; time++)
      expect([...(await teaching.answersTo(batchOf(['1', '2']))).logits]).toEqual(logitsOf(['1', '2']));
    expect(asked).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(notes).toEqual([
      expect.stringMatching(/^warning: answers of the teacher are not kept from here on: ./),
    ]);
  });
});
