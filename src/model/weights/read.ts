import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { runOf } from '../../config/pretrained.js';
import { COCO_LABELS } from '../../formats/coco-labels.js';
import type { BackboneName } from '../../config/families.js';
import { errors } from '../../errors/index.js';
import type { Settings } from '../../settings.js';
import { filesBelow, isFile, statOf } from '../../files/walk.js';
import type { VariableSpec } from '../../graph/variables.js';
import { classesOfHead } from './class-head.js';
import { HDF5_MAGIC, readHdf5 } from './hdf5.js';
import { imagenetWeights } from './imagenet.js';
import { readPytorchState } from './pytorch.js';
import { readTfCheckpoint } from './tf-checkpoint.js';
import { assertFinite, type Weights } from './weights.js';
import { MODEL_CARD } from '../../formats/model-card.js';
import { STATE_FILE } from '../../formats/training-state.js';

/** The network that the weights are for. */
export interface Wanted {
  readonly backbone: BackboneName;
  readonly specs: readonly VariableSpec[];
}

export interface FoundWeights {
  readonly weights: Weights;
  /** The classes of the class head; null: they are not known. */
  readonly classes: readonly string[] | null;
}

/** The path of weights that a run names: `run:NAME` is the output folder of a run on this machine. */
export function pathOfWeights(named: string, { home }: Pick<Settings, 'home'>): string {
  const run = runOf(named);
  return run === null ? named : join(home, 'runs', run);
}

/** The file whose content decides the weights at a path. The index of a TensorFlow checkpoint has the checksums of its tensors. */
export async function decisiveFile(path: string): Promise<string> {
  const prefix = await prefixOf(path);
  return prefix === null ? path : `${prefix}.index`;
}

/**
 * Reads the weights of a file or folder under our names: a TensorFlow checkpoint by its prefix, a folder with one (a model, a
 * training run, an unpacked archive), a Keras HDF5 file, or a PyTorch state file. A class head of 90 classes is taken for COCO's,
 * unless a file beside it says otherwise.
 */
export async function readWeights(path: string, wanted: Wanted): Promise<FoundWeights> {
  const prefix = await prefixOf(path);
  const weights =
    prefix === null ? await readFileOf(path, wanted) : await readTfCheckpoint(prefix, wanted.specs);
  assertFinite(weights, path);
  const named = prefix === null ? null : await classesBeside(prefix);
  return { weights, classes: named ?? (classesOfHead(weights) === COCO_LABELS.length ? COCO_LABELS : null) };
}

async function readFileOf(file: string, { backbone, specs }: Wanted): Promise<Weights> {
  const start = await startOf(file, HDF5_MAGIC.length);
  if (start.equals(HDF5_MAGIC)) return readHdf5(file, specs);
  return imagenetWeights(await readPytorchState(file), { backbone, specs });
}

async function startOf(file: string, length: number): Promise<Buffer> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw errors.checkpointUnreadable(file, cause);
  }
}

/** The prefix of the TensorFlow checkpoint that a path names, or that is in the folder that it names; null: it is a single file. */
async function prefixOf(path: string): Promise<string | null> {
  const prefix = path.replace(/\.index$/, '');
  if (await isFile(`${prefix}.index`)) return prefix;
  const entry = await statOf(path);
  if (entry?.isFile()) return null;
  const found = entry && (await prefixInside(path));
  if (!found) throw errors.checkpointUnreadable(path, new Error('there is no such checkpoint'));
  return found;
}

/** The best checkpoint of a training run, the variables of a model, the checkpoint that the pointer names, or the only one. */
async function prefixInside(folder: string): Promise<string | null> {
  for (const place of [join(folder, 'archive'), folder]) {
    const pointer = await readFile(join(place, 'checkpoint'), 'utf8').catch(() => '');
    const name = /model_checkpoint_path: "([^"]+)"/.exec(pointer)?.[1];
    // A pointer may hold the path that the checkpoint had on another machine.
    const prefix = name === undefined ? null : join(place, name.split('/').at(-1)!);
    if (prefix !== null && (await isFile(`${prefix}.index`))) return prefix;
  }
  const indices = (await filesBelow(folder)).filter(file => file.endsWith('.index'));
  if (indices.length > 1)
    throw errors.checkpointUnreadable(
      folder,
      new Error(`holds ${indices.length} checkpoints; name one by its prefix, as in model.ckpt-1200`),
    );
  const [only] = indices;
  return only?.slice(0, -'.index'.length) ?? null;
}

const Named = z.object({ classes: z.array(z.string()) });

/** The classes that a model or training run names in a file beside its checkpoint or one folder above. */
async function classesBeside(prefix: string): Promise<readonly string[] | null> {
  const folder = dirname(prefix);
  for (const place of [folder, dirname(folder)])
    for (const name of [MODEL_CARD, STATE_FILE]) {
      const text = await readFile(join(place, name), 'utf8').catch(() => null);
      const parsed = text === null ? null : Named.safeParse(safeJson(text));
      if (parsed?.success) return parsed.data.classes;
    }
  return null;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
