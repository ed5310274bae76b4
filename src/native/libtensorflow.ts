import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { errors } from '../errors/index.js';
import { findOnPath } from './command.js';
import { findWheel, provideWheel, type WheelOptions } from './wheel.js';
import { CUDA_LIBRARIES, LIBTENSORFLOW_CPU, LIBTENSORFLOW_GPU, type WheelRow } from './wheels.js';

export interface LibraryOptions extends WheelOptions {
  /** The folder that DETDISTILL_LIBTENSORFLOW names; null: it is not set. */
  readonly byHand: string | null;
  /** Whether to use the library for NVIDIA GPUs. */
  readonly gpu: boolean;
}

const NEEDED = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include'];

/** The folder with libtensorflow and its headers; null: it is not on this machine. */
export function findLibrary({ byHand, gpu, cacheFolder }: LibraryOptions): string | null {
  if (byHand !== null) return missingIn(byHand).length === 0 ? byHand : null;
  const paths = rowsFor(gpu).map(row => findWheel(row, cacheFolder));
  return paths.includes(null) ? null : (paths[0] ?? null);
}

/** The same folder, downloaded where it is missing. */
export async function provideLibrary(options: LibraryOptions): Promise<string> {
  const { byHand, gpu } = options;
  if (byHand !== null) return checkByHand(byHand);
  const [library, ...cuda] = rowsFor(gpu);
  for (const row of cuda) await provideWheel(row, options);
  return provideWheel(library, options);
}

/** The search path by which the loader finds CUDA's libraries. */
export function cudaEnvironment(cacheFolder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const folders = CUDA_LIBRARIES.map(row => findWheel(row, cacheFolder)).flatMap(libraryFolders);
  if (folders.length === 0) return {};
  return { LD_LIBRARY_PATH: [...folders, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter) };
}

/** Whether the NVIDIA driver's own tool finds a GPU. */
export function hasNvidiaGpu(): boolean {
  const tool = findOnPath('nvidia-smi');
  return tool !== null && spawnSync(tool, ['-L']).status === 0;
}

const rowsFor = (gpu: boolean): readonly [WheelRow, ...WheelRow[]] =>
  gpu ? [LIBTENSORFLOW_GPU, ...CUDA_LIBRARIES] : [LIBTENSORFLOW_CPU];

const missingIn = (folder: string): string[] => NEEDED.filter(name => !existsSync(join(folder, name)));

function checkByHand(folder: string): string {
  const missing = missingIn(folder);
  if (missing.length === 0) return folder;
  throw errors.nativePathInvalid({ variable: 'DETDISTILL_LIBTENSORFLOW', value: folder, missing });
}

/** nvidia/<library>/lib */
function libraryFolders(nvidia: string | null): string[] {
  if (nvidia === null) return [];
  return readdirSync(nvidia)
    .map(name => join(nvidia, name, 'lib'))
    .filter(folder => existsSync(folder));
}
