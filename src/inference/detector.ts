import { join } from 'node:path';
import { AppError, errors } from '../errors/index.js';
import { hasNvidiaGpu } from '../native/libtensorflow.js';
import type { EngineName, Settings } from '../settings.js';
import { isFile } from '../files/walk.js';
import type { Engine } from './engine.js';
import { type ModelCard, ONNX_NETWORK, readModelCard } from '../formats/model-card.js';

/** An exported model that is ready to detect. */
export interface Detector extends Engine {
  readonly card: ModelCard;
  /** The engine that runs the network. */
  readonly engine: EngineName;
}

/**
 * Opens a model folder with the engine that the settings name. `auto` chooses onnxruntime where there is no GPU, the folder
 * has an ONNX network and the library loads: on CPUs it starts sooner and runs faster. Otherwise it chooses TensorFlow.
 */
export async function openDetector(folder: string, { engine }: Pick<Settings, 'engine'>): Promise<Detector> {
  const card = await readModelCard(folder);
  if (engine === 'onnxruntime') {
    if (!(await hasOnnx(folder))) throw errors.onnxNetworkMissing(folder);
    return withOnnxruntime(folder, card);
  }
  if (engine === 'auto' && !hasNvidiaGpu() && (await hasOnnx(folder))) {
    try {
      return await withOnnxruntime(folder, card);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'ONNXRUNTIME_NOT_PROVIDED')) throw error;
    }
  }
  // Each library is loaded where it is needed: TensorFlow's takes a second.
  const { openTensorFlow } = await import('./tensorflow-engine.js');
  return { card, engine: 'tensorflow', ...(await openTensorFlow(folder, card)) };
}

async function withOnnxruntime(folder: string, card: ModelCard): Promise<Detector> {
  const { openOnnx } = await import('./onnx-engine.js');
  return { card, engine: 'onnxruntime', ...(await openOnnx(folder, card)) };
}

/** Models that older versions exported have no ONNX network. */
const hasOnnx = (folder: string): Promise<boolean> => isFile(join(folder, ONNX_NETWORK));
