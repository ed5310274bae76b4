import { join } from 'node:path';
import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { BoxYxyx } from '../../../src/boxes.js';
import { drawImage, findRectangle } from '../scene.js';
import { type Cleaned, cleanItems } from './voc-set.js';

const STORED = { width: 90, height: 60 };
const RECTANGLE: BoxYxyx = [6, 12, 24, 48];
const ORIENTATIONS = [1, 2, 3, 4, 5, 6, 7, 8];
const UPRIGHT = (orientation: number): typeof STORED =>
  orientation < 5 ? STORED : { width: STORED.height, height: STORED.width };

const stored = (orientation: number): Sharp =>
  drawImage({ ...STORED, rectangle: RECTANGLE }).withMetadata({ orientation });

async function find(image: Sharp): Promise<BoxYxyx | null> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return findRectangle(data, info);
}

/** Where the rectangle is in what viewers show: by sharp's own reading of EXIF. */
const upright = async (orientation: number): Promise<BoxYxyx | null> =>
  find(sharp(await stored(orientation).png().toBuffer()).autoOrient());

async function clean(
  orientation: number,
  { box, declared }: { box: BoxYxyx; declared: typeof STORED },
): Promise<Cleaned & { found: BoxYxyx | null; labelled: unknown }> {
  const image = await stored(orientation).png().toBuffer();
  const cleaned = await cleanItems({ turned: { image, boxes: [box], declared } });
  const sample = cleaned.dataset.splits.train.find(({ id }) => id === 'turned')!;
  expect(sample).toMatchObject(UPRIGHT(orientation));
  const file = sharp(join(cleaned.outFolder, sample.image));
  expect((await file.metadata()).orientation ?? 1).toBe(1);
  return { ...cleaned, found: await find(file), labelled: sample.boxes[0]!.box };
}

describe('I03, EXIF orientation', () => {
  it.each(ORIENTATIONS)('%i: turns boxes that were made on the stored image', async orientation => {
    const { found, labelled, ledger } = await clean(orientation, { box: RECTANGLE, declared: STORED });
    expect(found).toEqual(await upright(orientation));
    expect(labelled).toEqual(found);
    expect(ledger.map(({ rule, action }) => [rule, action])).toEqual(
      orientation === 1 ? [] : [['I03', 'change']],
    );
  });

  it.each([5, 6, 7, 8])('%i: keeps boxes that were made on the upright image', async orientation => {
    const box = (await upright(orientation))!;
    const { found, labelled, ledger } = await clean(orientation, { box, declared: UPRIGHT(orientation) });
    expect(labelled).toEqual(box);
    expect(found).toEqual(box);
    expect(ledger[0]!.reason).toBe('image turned upright; its boxes were upright already');
  });

  it('says so where the size fits either way', async () => {
    const { ledger } = await clean(3, { box: RECTANGLE, declared: STORED });
    expect(ledger[0]!.reason).toBe('image and boxes turned upright (the declared size fits both)');
  });

  it('turns images upright even where nothing is cleaned', async () => {
    const image = await stored(6).png().toBuffer();
    const items = { turned: { image, boxes: [RECTANGLE], declared: STORED } };
    const { dataset } = await cleanItems(items, { do_data_cleaning: false });
    expect(dataset.splits.train[1]!.boxes[0]!.box).toEqual(await upright(6));
  });
});
