import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frozenOutput } from '../../src/formats/model-card.js';
import { openNetwork } from '../../src/inference/onnx-network.js';
import { writeModel } from '../../src/export/model-folder.js';
import { randomFrom } from '../../src/random.js';
import { goldenModel } from '../../bench/fixtures/golden-model.js';

const [HEIGHT, WIDTH] = [96, 128];
const { card, weights } = goldenModel('efficientdet-t0', [HEIGHT, WIDTH], 4);
const random = randomFrom('image');
const image = Float32Array.from({ length: HEIGHT * WIDTH * 3 }, () => random.uniform(-1, 1));

let root = '';
let file = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'onnx-network-'));
  await writeModel(join(root, 'model'), { card, weights });
  file = join(root, 'model', 'network.onnx');
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('the network of the engine', () => {
  it('gives of the maps in the file what may be wanted: of all cells, of some, of none', async () => {
    const { grid, run } = await openNetwork(file, card);
    const session = await InferenceSession.create(file);
    const maps = await session.run({ images: new Tensor('float32', image, [1, HEIGHT, WIDTH, 3]) });
    const whole = grid.levels.map(({ level }) => maps[frozenOutput('class', level)]!.data as Float32Array);
    const sorted = Float32Array.from(whole.flatMap(values => [...values])).sort();
    const all = grid.levels.reduce((sum, { height, width }) => sum + height * width, 0);
    for (const least of [-Infinity, sorted.at(-300)!, sorted.at(-1)! + 1]) {
      const { classLogits, cells, boxDeltas } = await run(image, { minLogit: least, maxCells: Infinity });
      grid.levels.forEach(({ level, height, width }, i) => {
        const area = height * width;
        const channels = whole[i]!.length / area;
        const logit = (channel: number, cell: number): number => whole[i]![channel * area + cell]!;
        const wanted = Array.from({ length: area }, (_, cell) => cell).filter(cell =>
          Array.from({ length: channels }, (_, channel) => logit(channel, cell)).some(
            value => value >= least,
          ),
        );
        expect([...cells![i]!]).toEqual(wanted);
        const logits = Array.from({ length: channels }, (_, channel) =>
          wanted.map(cell => logit(channel, cell)),
        );
        expect([...classLogits[i]!]).toEqual(logits.flat());
        expect(boxDeltas[i]).toEqual(maps[frozenOutput('box', level)]!.data);
      });
      const found = cells!.reduce((sum, { length }) => sum + length, 0);
      if (least === -Infinity) expect(found).toBe(all);
      else if (least > sorted.at(-1)!) expect(found).toBe(0);
      else expect(found).toBeGreaterThan(0);
    }
  });

  it('gives the best cells, and from where on nothing is left out', async () => {
    const { run } = await openNetwork(file, card);
    const highestOf = ({ classLogits, cells }: Awaited<ReturnType<typeof run>>): number[] =>
      classLogits.flatMap((logits, level) =>
        Array.from(cells![level]!, (_, i) =>
          Math.max(...logits.filter((_, at) => at % cells![level]!.length === i)),
        ),
      );
    const whole = await run(image, { minLogit: -Infinity, maxCells: Infinity });
    expect(whole.from).toBe(-Infinity);
    const highest = highestOf(whole).sort((a, b) => b - a);
    const some = await run(image, { minLogit: -Infinity, maxCells: 20 });
    expect(highestOf(some).sort((a, b) => b - a)).toEqual(highest.slice(0, 20));
    expect(some.from).toBe(highest[19]);
    const few = await run(image, { minLogit: highest[4]!, maxCells: 20 });
    expect(highestOf(few)).toHaveLength(5);
    expect(few.from).toBe(highest[4]);
  });

  it('says which file cannot be read', async () => {
    const broken = join(root, 'broken.onnx');
    await writeFile(broken, 'no network');
    await expect(openNetwork(broken, card)).rejects.toMatchObject({ code: 'MODEL_UNREADABLE' });
  });
});
