import { AppError } from '../errors.js';
import type { ArtifactRef } from '../pipeline.js';
import type { ArtifactStore } from './artifact-store.js';

export interface Checkpoint {
  readonly step: number;
  readonly artifact: ArtifactRef;
  /** Verified local copy. */
  readonly folder: string;
}

const prefixOf = (stageKey: string): string => `checkpoints/${stageKey}`;
/** Zero-padded, so that names sort like numbers. */
const keyOf = (stageKey: string, step: number): string =>
  `${prefixOf(stageKey)}/step-${String(step).padStart(9, '0')}`;

async function steps(store: ArtifactStore, stageKey: string): Promise<number[]> {
  const keys = await store.list(prefixOf(stageKey));
  return keys.map(key => Number(/step-(\d+)$/.exec(key)?.[1])).sort((a, b) => b - a);
}

/** Commits a folder as the checkpoint of a step, then removes all but the newest `keep`. */
export async function commitCheckpoint(
  store: ArtifactStore,
  stageKey: string,
  { step, folder, keep }: { step: number; folder: string; keep: number },
): Promise<ArtifactRef> {
  const artifact = await store.commit(keyOf(stageKey, step), folder);
  for (const old of (await steps(store, stageKey)).slice(keep)) await store.remove(keyOf(stageKey, old));
  return artifact;
}

/** The newest committed checkpoint; a damaged one is passed over, with the reason, for the one before. */
export async function newestCheckpoint(
  store: ArtifactStore,
  stageKey: string,
): Promise<{ checkpoint: Checkpoint | undefined; skipped: string[] }> {
  const skipped: string[] = [];
  for (const step of await steps(store, stageKey)) {
    const found = await store.find(keyOf(stageKey, step));
    try {
      if (found)
        return { checkpoint: { step, artifact: found.ref, folder: await store.open(found.ref) }, skipped };
      skipped.push(`checkpoint of step ${step}: files are missing`);
    } catch (error) {
      if (!(error instanceof AppError) || error.retryable) throw error;
      skipped.push(`checkpoint of step ${step}: ${error.message}`);
    }
  }
  return { checkpoint: undefined, skipped };
}

export async function removeCheckpoints(store: ArtifactStore, stageKey: string): Promise<void> {
  for (const step of await steps(store, stageKey)) await store.remove(keyOf(stageKey, step));
}
