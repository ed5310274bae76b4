import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { errors } from '../errors/index.js';
import { addonLink, MUTE } from '../native/addon-files.js';

type TensorFlow = typeof import('@tensorflow/tfjs-node-gpu');

const require = createRequire(import.meta.url);

/** Loads the native library, once, quietly; the kernels of ours are registered for it too. */
export async function loadTensorFlow(): Promise<TensorFlow> {
  // Errors only; read while the library is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  provideWhatNodeRemoved();
  loadAddon(addonLink());
  const tensorFlow = require('@tensorflow/tfjs-node-gpu') as TensorFlow;
  tensorFlow.enableProdMode(); // no banner
  await import('./eager-kernels.js');
  return tensorFlow;
}

/** Gone in Node 23, still called by tfjs-node. */
function provideWhatNodeRemoved(): void {
  const missing = { isArray: Array.isArray, isNullOrUndefined: (value: unknown) => (value ?? null) === null };
  Object.assign(util, missing);
}

/** tfjs-node then finds it loaded. */
function loadAddon(link: string): void {
  try {
    const stderr = loadMute(join(dirname(realpathSync(link)), MUTE));
    stderr?.mute();
    try {
      require(link);
    } finally {
      stderr?.unmute();
    }
  } catch (error) {
    throw errors.tensorflowNotProvided({ path: link }, error);
  }
}

interface Stderr {
  mute(): void;
  unmute(): void;
}

/** null: an addon that was put there by hand has none beside it. */
const loadMute = (path: string): Stderr | null => (existsSync(path) ? (require(path) as Stderr) : null);
