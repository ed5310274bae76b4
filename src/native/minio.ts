import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errors } from '../errors.js';
import { describeAttempt } from './attempt.js';
import { findOnPath, isExecutable, runCommand } from './command.js';
import { withLock } from './lock.js';
import { silent, type OnProgress } from './progress.js';

const PART = 'MinIO';
const MODULE = 'github.com/minio/minio@latest';
const BY_HAND = 'put `minio` on PATH, or set DETDISTILL_MINIO to its path';

const builtPath = (cacheFolder: string): string => join(cacheFolder, 'bin', 'minio');

export function findMinio(cacheFolder: string): string | null {
  return findOnPath('minio') ?? (isExecutable(builtPath(cacheFolder)) ? builtPath(cacheFolder) : null);
}

/** MinIO's server, built from its Go module where nobody installed it; takes minutes, once. */
export async function provideMinio(cacheFolder: string, onProgress: OnProgress = silent): Promise<string> {
  const found = findMinio(cacheFolder);
  if (found !== null) return found;
  const path = builtPath(cacheFolder);
  return withLock(`${path}.lock`, async () => {
    if (!isExecutable(path)) await build(path, onProgress);
    return path;
  });
}

async function build(path: string, onProgress: OnProgress): Promise<void> {
  if (findOnPath('go') === null) throw unavailable(new Error('`go` is not on PATH'));
  await mkdir(dirname(path), { recursive: true });
  const partial = await mkdtemp(`${path}.partial-`);
  onProgress({ part: PART, phase: 'compile', bytes: 0, totalBytes: null });
  try {
    const env = { ...process.env, GOBIN: partial, GOFLAGS: `${process.env.GOFLAGS ?? ''} -p=2`.trim() };
    await runCommand('go', ['install', MODULE], { env });
    await chmod(join(partial, 'minio'), 0o755);
    await rename(join(partial, 'minio'), path);
  } catch (error) {
    throw unavailable(error);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

const unavailable = (error: unknown): Error =>
  errors.nativePartUnavailable({
    part: PART,
    attempts: [
      { what: 'minio on PATH', message: 'not there', network: false },
      { what: `go install ${MODULE}`, ...describeAttempt(error) },
    ],
    byHand: BY_HAND,
  });
