/** Program of a contestant: the network of a model folder alone, or from pictures of 640 × 480 to detections. */
import { join } from 'node:path';
import type { Picture } from '../../src/data/pictures.js';
import { openDetector } from '../../src/detection/detector.js';
import { ONNX_NETWORK, readModelCard } from '../../src/detection/model-card.js';
import { openNetwork } from '../../src/detection/onnx-network.js';
import type { RawMaps } from '../../src/detection/suppress.js';
import { randomFrom } from '../../src/random.js';
import type { EngineName } from '../../src/settings.js';
import { milliseconds } from '../contestants.js';
import { spreadOf } from '../row.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

export interface OpenPredictor {
  readonly folder: string;
  readonly size: number;
  readonly batch: number;
  /** Predictions of one measurement, whose median counts: the first finds another's data in the processor's caches. */
  readonly inARow: number;
  /** null: the network alone, by onnxruntime. */
  readonly engine: EngineName | null;
}

async function network({ folder, size, batch }: OpenPredictor): Promise<() => Promise<number>> {
  const card = await readModelCard(folder);
  const { run } = await openNetwork(join(folder, ONNX_NETWORK), card);
  const random = randomFrom('bench', batch);
  const images = Array.from({ length: batch }, () =>
    Float32Array.from({ length: size * size * 3 }, () => random.uniform(-1, 1)),
  );
  const least = leastOf(await run(images[0]!, -Infinity));
  return () =>
    milliseconds(async () => {
      for (const image of images) await run(image, least); // one by one, as the engine does
    });
}

/** Cells that are chosen, of D0's 5,456: some dozens of objects and what is like them. */
const CHOSEN = 100;

/** What leaves so many. */
function leastOf({ classLogits, cells }: RawMaps): number {
  const best = classLogits.flatMap((logits, level) => {
    const { length } = cells![level]!;
    const highest = new Float32Array(length).fill(-Infinity);
    logits.forEach((logit, i) => (highest[i % length] = Math.max(highest[i % length]!, logit)));
    return [...highest];
  });
  return best.sort((a, b) => b - a)[CHOSEN - 1]!;
}

async function whole({ folder, batch }: OpenPredictor, engine: EngineName): Promise<() => Promise<number>> {
  const { detect } = await openDetector(folder, { engine });
  const random = randomFrom('bench', batch);
  const pixels = (): Uint8Array => Uint8Array.from({ length: 640 * 480 * 3 }, () => random.integer(256));
  const pictures = Array.from({ length: batch }, (): Picture => ({
    width: 640,
    height: 480,
    pixels: pixels(),
  }));
  return () => milliseconds(() => detect(pictures));
}

await answerLines<OpenPredictor>(async open => {
  const measure = await (open.engine === null ? network(open) : whole(open, open.engine));
  return {
    about: await ownVersions(open.engine ?? 'onnxruntime'),
    run: async () => {
      const times: number[] = [];
      for (let i = 0; i < open.inARow; i++) times.push(await measure());
      return { ms: spreadOf(times).median };
    },
  };
});
