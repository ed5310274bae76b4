import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errors } from '../errors/index.js';
import { fillFolder } from '../files/new-folder.js';
import { statOf } from '../files/walk.js';
import { FROZEN_GRAPH, ONNX_NETWORK, readModelCard } from '../formats/model-card.js';
import { onnxDetections } from './onnx/detections.js';

/** Writes a model folder in a deployment format. */
type WriteFormat = (model: string, out: string) => Promise<void>;

export const EXPORT_FORMATS = {
  frozen: (model, out) => writeFileAtomically(out, () => readFile(join(model, FROZEN_GRAPH))),
  onnx: (model, out) =>
    writeFileAtomically(out, async () => onnxDetections(await readOnnx(model), await readModelCard(model))),
  'onnx-network': (model, out) => writeFileAtomically(out, () => readOnnx(model)),
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
  if (!(await statOf(file))) throw errors.onnxNetworkMissing(model);
  return readFile(file);
}

/** The file appears complete or not at all. An existing file is never replaced. */
async function writeFileAtomically(file: string, content: () => Promise<Uint8Array>): Promise<void> {
  if (await statOf(file)) throw errors.outputTaken(file);
  const bytes = await content();
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.partial-${process.pid}`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
