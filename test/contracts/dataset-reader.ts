import { cp, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BoxYxyx } from '../../src/boxes.js';
import type { Split } from '../../src/formats/dataset.js';
import { READERS, readDataset } from '../../src/data/readers/index.js';
import { drawImage, temporaryFolder } from '../data/scene.js';

export interface SceneImage {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly split: Split;
  readonly boxes: readonly { readonly label: string; readonly box: BoxYxyx }[];
}

/** What every format must be able to say; not in the order of the names. */
const SCENE: readonly SceneImage[] = [
  {
    name: 'zebra crossing',
    width: 60,
    height: 40,
    split: 'train',
    boxes: [
      { label: 'car', box: [2, 4, 20, 30] },
      { label: 'traffic light & sign', box: [0, 50, 12.5, 55] },
    ],
  },
  { name: 'empty street', width: 32, height: 48, split: 'eval', boxes: [] },
  { name: 'alley', width: 50, height: 50, split: 'train', boxes: [{ label: 'car', box: [10, 10, 30, 20] }] },
];

/** The same with an image that only tests. */
const TESTED_SCENE: readonly SceneImage[] = [
  ...SCENE,
  { name: 'quay', width: 40, height: 40, split: 'test', boxes: [{ label: 'car', box: [5, 5, 25, 25] }] },
];

export interface ReaderMember {
  readonly format: string;
  /** Where the images go. */
  imageOf(folder: string, name: string): string;
  /** Writes the labels; with the splits where `named`. */
  label(folder: string, scene: readonly SceneImage[], named: boolean): Promise<void>;
}

/** The same scene in every format gives the same samples. */
export function datasetReaderContract(name: string, member: ReaderMember): void {
  async function writeScene({ named = false, scene = SCENE } = {}): Promise<string> {
    const folder = join(await temporaryFolder(), 'scene');
    for (const { name: image, width, height } of scene) {
      const file = member.imageOf(folder, image);
      await mkdir(dirname(file), { recursive: true });
      await drawImage({ width, height }).png().toFile(file);
    }
    await member.label(folder, scene, named);
    return folder;
  }

  describe(`data set reader: ${name}`, () => {
    it('is the one reader that knows its files', async () => {
      const folder = await writeScene();
      const known = await Promise.all(
        READERS.map(async reader => ((await reader.detect(folder)) ? reader.format : null)),
      );
      expect(known.filter(Boolean)).toEqual([member.format]);
    });

    it('gives ids, images, sizes and boxes, in the order of the ids', async () => {
      const folder = await writeScene();
      const { format, samples } = await readDataset(folder, 'auto');
      expect(format).toBe(member.format);
      const seen = samples.map(({ id, image, declared, boxes, problem }) => {
        // An area is known to some formats only.
        const plain = boxes.map(({ label, box, crowd, difficult }) => ({ label, box, crowd, difficult }));
        return { id, image, declared, boxes: plain, problem };
      });
      expect(seen).toEqual(
        ['alley', 'empty street', 'zebra crossing'].map(id => {
          const { width, height, boxes } = SCENE.find(image => image.name === id)!;
          return {
            id,
            image: member.imageOf(folder, id),
            declared: { width, height },
            boxes: boxes.map(({ label, box }) => ({ label, box, crowd: false, difficult: false })),
            problem: null,
          };
        }),
      );
    });

    it('tells an image that is labelled as empty from one that is not labelled', async () => {
      const { samples } = await readDataset(await writeScene(), 'auto');
      expect(samples.every(({ annotation }) => annotation !== null)).toBe(true);
    });

    it('gives the splits that the data set names, none otherwise', async () => {
      const splitsOf = async (folder: string): Promise<unknown> =>
        (await readDataset(folder, member.format)).samples.map(({ id, split }) => [id, split]);
      expect(await splitsOf(await writeScene())).toEqual([
        ['alley', null],
        ['empty street', null],
        ['zebra crossing', null],
      ]);
      expect(await splitsOf(await writeScene({ named: true }))).toEqual([
        ['alley', 'train'],
        ['empty street', 'eval'],
        ['zebra crossing', 'train'],
      ]);
    });

    it('gives a test split apart from the evaluation split', async () => {
      const folder = await writeScene({ named: true, scene: TESTED_SCENE });
      const { samples } = await readDataset(folder, member.format);
      expect(samples.map(({ id, split, boxes }) => [id, split, boxes.length])).toEqual([
        ['alley', 'train', 1],
        ['empty street', 'eval', 0],
        ['quay', 'test', 1],
        ['zebra crossing', 'train', 2],
      ]);
    });

    it('keeps the ids when the data set moves', async () => {
      const folder = await writeScene();
      const moved = `${folder} moved`;
      await cp(folder, moved, { recursive: true });
      const ids = async (path: string): Promise<string[]> =>
        (await readDataset(path, 'auto')).samples.map(({ id }) => id);
      expect(await ids(moved)).toEqual(await ids(folder));
    });

    it('keeps a sample whose image is gone: cleaning must be able to name it', async () => {
      const folder = await writeScene();
      await rm(member.imageOf(folder, 'alley'));
      const { samples } = await readDataset(folder, 'auto');
      const alley = samples.find(({ id }) => id === 'alley')!;
      await expect(stat(alley.image)).rejects.toThrow('ENOENT');
      expect(alley.annotation).not.toBeNull();
    });
  });
}
