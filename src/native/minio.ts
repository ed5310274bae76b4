import { join } from 'node:path';
import { errors } from '../errors/index.js';
import { describeFailure } from './network-failure.js';
import { createAtomically } from '../files/atomic.js';
import { findOnPath, isExecutable, runCommand } from './command.js';
import { silent, type OnProgress } from './progress.js';

const PART = 'MinIO';
const MODULE = 'github.com/minio/minio@latest';
const BY_HAND = 'put `minio` on PATH, or set DETDISTILL_MINIO to its path';

const builtPath = (cacheFolder: string): string => join(cacheFolder, 'bin', 'minio');

export function findMinio(cacheFolder: string): string | null {
  return findOnPath('minio') ?? (isExecutable(builtPath(cacheFolder)) ? builtPath(cacheFolder) : null);
}

/** The path of MinIO's server, built from its Go module where it is not installed: that takes minutes, once. */
export async function provideMinio(cacheFolder: string, onProgress: OnProgress = silent): Promise<string> {
  const found = findMinio(cacheFolder);
  if (found !== null) return found;
  const path = builtPath(cacheFolder);
  await createAtomically(path, {
    isThere: () => isExecutable(path),
    make: folder => build(folder, onProgress),
  });
  return path;
}

async function build(folder: string, onProgress: OnProgress): Promise<string> {
  if (findOnPath('go') === null) throw unavailable(new Error('`go` is not on PATH'));
  onProgress({ part: PART, phase: 'compile', bytes: 0, totalBytes: null });
  try {
    const env = { ...process.env, GOBIN: folder, GOFLAGS: `${process.env.GOFLAGS ?? ''} -p=2`.trim() };
    await runCommand('go', ['install', MODULE], { env });
    return join(folder, 'minio');
  } catch (error) {
    throw unavailable(error);
  }
}

const unavailable = (error: unknown): Error =>
  errors.nativePartUnavailable({
    part: PART,
    attempts: [
      { what: 'minio on PATH', message: 'not there', network: false },
      { what: `go install ${MODULE}`, ...describeFailure(error) },
    ],
    byHand: BY_HAND,
  });
