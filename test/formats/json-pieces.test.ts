import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonPieces, writeJsonLists } from '../../src/formats/json-pieces.js';
import { temporaryFolder } from '../data/scene.js';

const detections = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    image_id: i,
    category_id: 1 + (i % 3),
    bbox: [i / 3, i / 7, 10.5, 1e-7],
    score: 1 / (i + 1),
    note: i % 2 === 0 ? 'Bäume, "quer" 🌳\n' : undefined,
  }));

const CASES = [
  ['a list', detections(50)],
  ['a list that needs several pieces', detections(5000)],
  ['an empty list', []],
  ['an object of lists', { images: detections(3), annotations: [], 'a "key"': detections(4000) }],
  ['an object without lists', {}],
] as const;

describe('JSON in pieces', () => {
  it.each(CASES)('gives the bytes of JSON.stringify: %s', async (_, value) => {
    const file = join(await temporaryFolder(), 'lists.json');
    await writeJsonLists(file, value);
    const written = await readFile(file);
    expect(written.equals(Buffer.from(`${JSON.stringify(value)}\n`))).toBe(true);
  });

  it('never has more of the text than a piece, however long the list is', () => {
    let [longest, total] = [0, 0];
    for (const piece of jsonPieces(detections(100_000))) {
      longest = Math.max(longest, piece.length);
      total += piece.length;
    }
    expect(longest).toBeLessThan(2 ** 16 + 200);
    expect(total).toBeGreaterThan(100 * longest);
  });

  it('leaves an error of the disk to the caller', async () => {
    const file = join(await temporaryFolder(), 'none', 'lists.json');
    await expect(writeJsonLists(file, [])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
