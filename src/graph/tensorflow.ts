import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import util from 'node:util';
import { errors } from '../errors/index.js';
import { addonLink } from '../native/addon-files.js';
import { tensorFlowEnvironment } from '../native/tensorflow-environment.js';

type TensorFlow = typeof import('@tensorflow/tfjs-node-gpu');

const require = createRequire(import.meta.url);

/** Loads the native library into this process, once, and registers our own kernels for it. */
export async function loadTensorFlow(): Promise<TensorFlow> {
  Object.assign(process.env, tensorFlowEnvironment());
  provideWhatNodeRemoved();
  loadAddon(addonLink());
  const tensorFlow = require('@tensorflow/tfjs-node-gpu') as TensorFlow;
  tensorFlow.enableProdMode(); // no banner
  await import('./eager-kernels.js');
  return tensorFlow;
}

/** tfjs-node still calls two functions that Node 23 has removed. */
function provideWhatNodeRemoved(): void {
  const missing = { isArray: Array.isArray, isNullOrUndefined: (value: unknown) => (value ?? null) === null };
  Object.assign(util, missing);
}

/** tfjs-node then finds the addon loaded. */
function loadAddon(link: string): void {
  try {
    require(realpathSync(link)); // a missing file is an ENOENT here, without Node's list of requiring modules
  } catch (error) {
    throw errors.tensorflowNotProvided({ path: link }, error);
  }
}
