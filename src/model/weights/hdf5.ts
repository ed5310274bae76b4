import type { Dataset } from 'h5wasm/node';
import { errors } from '../../errors/index.js';
import type { VariableSpec } from '../../graph/variables.js';
import { canonicalName, type Weights, type WeightTensor } from './weights.js';

/** The first bytes of every HDF5 file. */
export const HDF5_MAGIC = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/**
 * The weights of a Keras HDF5 file by the names of its data sets (…/NAME:0), whose order differs between versions. A data set that
 * no variable of `specs` matches keeps its path.
 */
export async function readHdf5(file: string, specs: readonly VariableSpec[]): Promise<Weights> {
  const { default: h5wasm } = await import('h5wasm/node');
  // Keeps the library from printing errors of damaged files.
  (await h5wasm.ready).activate_throwing_error_handler();
  try {
    const archive = new h5wasm.File(file, 'r');
    try {
      const wanted = new Set(specs.map(({ name }) => name));
      const weights = new Map<string, WeightTensor>();
      for (const path of archive.paths()) {
        const entry = archive.get(path);
        const values = entry instanceof h5wasm.Dataset ? floatsOf(entry.value) : null;
        if (values) weights.set(nameOf(path, wanted), { shape: (entry as Dataset).shape ?? [], values });
      }
      return weights;
    } finally {
      archive.close();
    }
  } catch (cause) {
    throw errors.checkpointUnreadable(file, cause);
  }
}

/** The float values of a data set. A scalar is read as a number; integers and texts are no weights. */
function floatsOf(value: unknown): Float32Array | null {
  if (typeof value === 'number') return Float32Array.of(value);
  return value instanceof Float32Array || value instanceof Float64Array ? Float32Array.from(value) : null;
}

/** The longest suffix of the path that is the name of a variable. */
function nameOf(path: string, wanted: ReadonlySet<string>): string {
  const parts = canonicalName(path.replace(/:\d+$/, '')).split('/');
  const start = parts.findIndex((_, i) => wanted.has(parts.slice(i).join('/')));
  return parts.slice(Math.max(0, start)).join('/');
}
