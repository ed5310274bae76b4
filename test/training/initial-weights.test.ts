import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { readSettings } from '../../src/settings.js';
import { loadInitialWeights } from '../../src/training/initial-weights.js';

let home = '';
beforeAll(async () => (home = await mkdtemp(join(tmpdir(), 'initial-weights-'))));
afterAll(() => rm(home, { recursive: true, force: true }));

/** D3 has no packaged weights; nothing answers at the address of the published ones. */
const load = (pretrained: string, images: number) =>
  loadInitialWeights(pretrained, {
    modelName: 'efficientdet-d3',
    specs: variableSpecs({ family: familyOf('efficientdet-d3'), numClasses: 1 }),
    classes: ['tree'],
    images,
    settings: readSettings({ DETDISTILL_HOME: home, DETDISTILL_WEIGHTS_URL: 'http://127.0.0.1:9' }),
  });

describe('initial weights that cannot be reached', () => {
  it.each(['coco', 'imagenet'])('are an error where the images are few: %s', async pretrained => {
    await expect(load(pretrained, 200)).rejects.toMatchObject({
      code: 'WEIGHTS_UNAVAILABLE',
      retryable: false,
      message: expect.stringContaining('200 images are too few to train from random weights') as string,
    });
  });

  it('are a warning where the images are many', async () => {
    const { adoption, note } = await load('coco', 50_000);
    expect(adoption).toBeNull();
    expect(note).toMatch(/^warning: starts at random, as no weights can be reached: published COCO weights/);
  });

  it('are not missed where the run asks for random weights', async () => {
    expect((await load('none', 200)).note).toBe('starts at random');
  });

  it('of a run are looked for in its output folder', async () => {
    await expect(load('run:trees', 200)).rejects.toMatchObject({
      code: 'CHECKPOINT_UNREADABLE',
      message: expect.stringContaining(join(home, 'runs', 'trees')) as string,
    });
  });
});
