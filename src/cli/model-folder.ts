import { cp, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { FROZEN_GRAPH, MODEL_CARD, ONNX_NETWORK, readModelCard } from '../formats/model-card.js';
import { errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { fillFolder, writeFileAtomically } from '../files/atomic.js';
import { withTemporaryFolder } from '../files/temporary-folder.js';
import { exists } from '../files/walk.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';

/** Of a folder with checkpoints. */
const TRAINED = 'training.json';

/** Hands over the folder of a model: as it is named, a run's model/, or one made from checkpoints for the occasion. */
export async function withModel<T>(
  named: string,
  context: { settings: Settings; terminal: Terminal },
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const places = [resolve(named), join(context.settings.home, 'runs', named)];
  const model = await firstWith(
    MODEL_CARD,
    places.flatMap(place => [place, join(place, 'model')]),
  );
  if (model !== undefined) return work(model);
  const trained = await firstWith(TRAINED, places);
  if (trained === undefined) throw errors.modelMissing(named);
  return withTemporaryFolder('detdistill-export-', async made => {
    const folder = join(made, 'model');
    await runJob({ kind: 'export', trained, image_size: null, folder }, context);
    return work(folder);
  });
}

/** How each form is made of a model's folder. */
export const COPIES = {
  frozen: (model, out) => writeNewFile(out, () => readFile(join(model, FROZEN_GRAPH))),
  onnx: (model, out) =>
    writeNewFile(out, async () => {
      const { onnxDetections } = await import('../export/onnx/detections.js');
      return onnxDetections(await readOnnx(model), await readModelCard(model));
    }),
  'onnx-network': (model, out) => writeNewFile(out, () => readOnnx(model)),
  /** All but the graphs that say the same once more. */
  'saved-model': (model, out) =>
    fillFolder(out, partial =>
      cp(model, partial, {
        recursive: true,
        filter: path => basename(path) !== FROZEN_GRAPH && basename(path) !== ONNX_NETWORK,
      }),
    ),
} as const satisfies Record<string, (model: string, out: string) => Promise<void>>;

/** Of a model that was exported before there was such a file, an error. */
async function readOnnx(model: string): Promise<Uint8Array> {
  const file = join(model, ONNX_NETWORK);
  if (!(await exists(file))) throw errors.onnxNetworkMissing(model);
  return readFile(file);
}

/** The file appears whole or not at all; one that is there already stays. */
async function writeNewFile(file: string, content: () => Promise<Uint8Array>): Promise<void> {
  if (await exists(file)) throw errors.outputTaken(file);
  await writeFileAtomically(file, await content());
}

async function firstWith(file: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if (await exists(join(folder, file))) return folder;
  return undefined;
}
