import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const resolve = createRequire(import.meta.url).resolve;

/** The folder of the package `@tensorflow/tfjs-node-gpu`. */
export const tfjsFolder = (): string => dirname(resolve('@tensorflow/tfjs-node-gpu/package.json'));

/** The only place where tfjs-node looks for its addon; a link into the cache. */
export const addonLink = (): string => join(tfjsFolder(), 'lib', 'napi-v8', 'tfjs_binding.node');

export const ADDON = 'tfjs_binding.node';
