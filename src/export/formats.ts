import { cp, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errors } from '../errors/index.js';
import { fillFolder, writeFileAtomically } from '../files/atomic.js';
import { exists } from '../files/walk.js';
import { FROZEN_GRAPH, ONNX_NETWORK, readModelCard } from '../formats/model-card.js';
import { onnxDetections } from './onnx/detections.js';

/** Writes a model folder in a deployment format. */
type WriteFormat = (model: string, out: string) => Promise<void>;

export const EXPORT_FORMATS = {
  frozen: (model, out) => writeNewFile(out, () => readFile(join(model, FROZEN_GRAPH))),
  onnx: (model, out) =>
    writeNewFile(out, async () => onnxDetections(await readOnnx(model), await readModelCard(model))),
  'onnx-network': (model, out) => writeNewFile(out, () => readOnnx(model)),
  /** Leaves out the graphs that repeat the SavedModel in another format. */
  'saved-model': (model, out) =>
    fillFolder(out, partial =>
      cp(model, partial, {
        recursive: true,
        filter: path => basename(path) !== FROZEN_GRAPH && basename(path) !== ONNX_NETWORK,
      }),
    ),
} as const satisfies Record<string, WriteFormat>;

/** @throws for models exported before `network.onnx` was part of a model folder */
async function readOnnx(model: string): Promise<Uint8Array> {
  const file = join(model, ONNX_NETWORK);
  if (!(await exists(file))) throw errors.onnxNetworkMissing(model);
  return readFile(file);
}

/** The file appears complete or not at all. An existing file is never replaced. */
async function writeNewFile(file: string, content: () => Promise<Uint8Array>): Promise<void> {
  if (await exists(file)) throw errors.outputTaken(file);
  await writeFileAtomically(file, await content());
}
