import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJsonLists } from '../../src/formats/json-lists.js';
import { temporaryFolder } from '../data/scene.js';

const CONTENT = {
  info: { note: 'brackets [ { in "strings" } ] and \\ a backslash\\', list: [1, [2]] },
  images: [
    { id: 1, file_name: 'a "quoted" [name], ü.png' },
    { id: 2, nested: { images: [[], {}] } },
  ],
  empty: [],
  annotations: [-1.5e3, 'text, with a comma', null, true, [[1, 2], [3]], { bbox: [0, 1] }],
  licenses: [{ name: 'passed over' }],
  version: 7,
};

interface Read {
  images: unknown[];
  annotations: unknown[];
  empty: unknown[];
  frame: unknown;
}

async function read(text: string, chunkBytes?: number): Promise<Read> {
  const file = join(await temporaryFolder(), 'lists.json');
  await writeFile(file, text);
  const lists: Omit<Read, 'frame'> = { images: [], annotations: [], empty: [] };
  const visits = Object.fromEntries(
    Object.entries(lists).map(([name, list]) => [
      name,
      (element: unknown, index: number) => {
        expect(index).toBe(list.length);
        list.push(element);
      },
    ]),
  );
  return { ...lists, frame: await readJsonLists(file, visits, { chunkBytes }) };
}

describe('lists of a JSON file', () => {
  const { images, annotations, info, version } = CONTENT;
  const expected = {
    images,
    annotations,
    empty: [],
    frame: { info, version, images: [], empty: [], annotations: [], licenses: [] },
  };

  it.each([1, 2, 3, 7, 64, 100_000])(
    'are those of JSON.parse when they arrive in pieces of %i bytes',
    async chunk => {
      for (const text of [
        JSON.stringify(CONTENT),
        JSON.stringify(CONTENT, null, 2),
        `\n\t${JSON.stringify(CONTENT)}  \r\n`,
      ])
        expect(await read(text, chunk)).toEqual(expected);
    },
  );

  it.each([1, 2, 7, 100_000])('may be the whole file, in pieces of %i bytes', async chunkBytes => {
    const file = join(await temporaryFolder(), 'list.json');
    for (const text of [JSON.stringify(CONTENT.annotations), JSON.stringify(CONTENT.annotations, null, 2)]) {
      await writeFile(file, text);
      const elements: unknown[] = [];
      const frame = await readJsonLists(file, { '': element => elements.push(element) }, { chunkBytes });
      expect(elements).toEqual(CONTENT.annotations);
      expect(frame).toEqual([]);
    }
  });

  it.each([
    ['a file that ends early', '{"images": [{"id": 1}, {"id"'],
    ['a file that ends between elements', '{"images": [{"id": 1},'],
    ['an element that is no JSON', '{"images": [{"id": 1}, {id: 2}]}'],
    ['two elements without a comma', '{"images": [{"id": 1} {"id": 2}]}'],
    ['two commas', '{"images": [{"id": 1},, {"id": 2}]}'],
    ['a comma at the start', '{"images": [, {"id": 2}]}'],
    ['a comma at the end', '{"images": [{"id": 1}, ]}'],
    ['a name without its value', '{"images": [1], "annotations"}'],
    ['text after the end', '{"images": [1]} x'],
    ['nothing', ''],
  ])('refuse %s, as JSON.parse does', async (_, text) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    for (const chunk of [1, 5, 1000]) await expect(read(text, chunk)).rejects.toThrow(SyntaxError);
  });

  it('names the element that is wrong', async () => {
    await expect(read('{"annotations": [1, 2, {"a": }]}')).rejects.toThrow('annotations[2]: ');
  });
});
