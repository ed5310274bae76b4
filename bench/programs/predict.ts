/** Measured program: the network of a model alone, or from images of 640 × 480 to detections. */
import { join } from 'node:path';
import type { Image } from '../../src/images/decode.js';
import { openDetector } from '../../src/inference/detector.js';
import { ONNX_NETWORK, readModelCard } from '../../src/formats/model-card.js';
import { BEST_CELLS, openNetwork } from '../../src/inference/onnx-network.js';
import { randomFrom } from '../../src/random.js';
import type { EngineName } from '../../src/settings.js';
import { spreadOf } from '../row.js';
import { milliseconds } from '../timing.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

export interface OpenPredictor {
  readonly folder: string;
  readonly size: number;
  readonly batch: number;
  /** Predictions of one measurement, which is their median: the first one finds another process's data in the caches. */
  readonly repeats: number;
  /** null: the network alone, by onnxruntime. */
  readonly engine: EngineName | null;
}

/** The choice of cells that the engine tries first. */
const CHOICE = { minLogit: -Infinity, maxCells: BEST_CELLS };

async function network({ folder, size, batch }: OpenPredictor): Promise<() => Promise<number>> {
  const card = await readModelCard(folder);
  const { run } = await openNetwork(join(folder, ONNX_NETWORK), card);
  const random = randomFrom('bench', batch);
  const images = Array.from({ length: batch }, () =>
    Float32Array.from({ length: size * size * 3 }, () => random.uniform(-1, 1)),
  );
  return () =>
    milliseconds(async () => {
      for (const image of images) await run(image, CHOICE); // one by one, as the engine does
    });
}

async function whole({ folder, batch }: OpenPredictor, engine: EngineName): Promise<() => Promise<number>> {
  const { detect } = await openDetector(folder, { engine });
  const random = randomFrom('bench', batch);
  const pixels = (): Uint8Array => Uint8Array.from({ length: 640 * 480 * 3 }, () => random.integer(256));
  const images = Array.from({ length: batch }, (): Image => ({
    width: 640,
    height: 480,
    pixels: pixels(),
  }));
  return () => milliseconds(() => detect(images));
}

await answerLines<OpenPredictor>(async open => {
  const measure = await (open.engine === null ? network(open) : whole(open, open.engine));
  return {
    about: await ownVersions(open.engine ?? 'onnxruntime'),
    run: async () => {
      const times: number[] = [];
      for (let i = 0; i < open.repeats; i++) times.push(await measure());
      return { ms: spreadOf(times).median };
    },
  };
});
