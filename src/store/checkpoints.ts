import { AppError } from '../errors/index.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { ArtifactStore } from './artifact-store.js';

export interface Checkpoint {
  readonly step: number;
  readonly artifact: ArtifactRef;
  /** Verified local copy. */
  readonly folder: string;
}

const folderOf = (stageKey: string): string => `checkpoints/${stageKey}`;
/** Steps are zero-padded, so that names sort like numbers. */
const keyOf = (stageKey: string, step: number): string =>
  `${folderOf(stageKey)}/step-${String(step).padStart(9, '0')}`;

/** The steps of committed checkpoints, newest first. */
async function steps(store: ArtifactStore, stageKey: string): Promise<number[]> {
  const keys = await store.list(folderOf(stageKey));
  return keys.map(key => Number(/step-(\d+)$/.exec(key)?.[1])).sort((a, b) => b - a);
}

/** Commits a folder as the checkpoint of a step, replacing an earlier one of that step; then prunes. */
export async function commitCheckpoint(
  store: ArtifactStore,
  stageKey: string,
  { step, folder, keep }: { step: number; folder: string; keep: number },
): Promise<ArtifactRef> {
  // A step reached again after a roll-back carries newer state.
  const artifact = await store.commit(keyOf(stageKey, step), folder, { replace: true });
  await pruneCheckpoints(store, stageKey, { keep });
  return artifact;
}

/**
 * The newest committed checkpoint that is undamaged, and why newer ones were skipped.
 *
 * @param before only checkpoints of earlier steps count
 */
export async function newestCheckpoint(
  store: ArtifactStore,
  stageKey: string,
  { before = Infinity }: { before?: number } = {},
): Promise<{ checkpoint: Checkpoint | undefined; skipped: string[] }> {
  const skipped: string[] = [];
  for (const step of (await steps(store, stageKey)).filter(step => step < before)) {
    const found = await store.find(keyOf(stageKey, step));
    try {
      if (found)
        return { checkpoint: { step, artifact: found.ref, folder: await store.open(found.ref) }, skipped };
      skipped.push(`checkpoint of step ${step}: its manifest or files are missing`);
    } catch (error) {
      if (!(error instanceof AppError) || error.retryable) throw error;
      skipped.push(`checkpoint of step ${step}: ${error.message}`);
    }
  }
  return { checkpoint: undefined, skipped };
}

/** Removes the checkpoints of later steps. */
export async function removeCheckpointsAfter(
  store: ArtifactStore,
  stageKey: string,
  step: number,
): Promise<void> {
  for (const later of await steps(store, stageKey))
    if (later > step) await store.remove(keyOf(stageKey, later));
}

/** Removes all but the newest `keep`; one with missing files does not count. */
export async function pruneCheckpoints(
  store: ArtifactStore,
  stageKey: string,
  { keep }: { keep: number },
): Promise<void> {
  let kept = 0;
  for (const step of await steps(store, stageKey)) {
    const key = keyOf(stageKey, step);
    if (kept < keep && (await store.find(key))) kept++;
    else await store.remove(key);
  }
}

export const removeCheckpoints = (store: ArtifactStore, stageKey: string): Promise<void> =>
  pruneCheckpoints(store, stageKey, { keep: 0 });
