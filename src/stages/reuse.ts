import { AppError, errors } from '../errors/index.js';
import type { StageResult } from '../formats/train-io.js';
import type { StageIO, StageKind } from './stages.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import type { StoredArtifact } from '../store/artifacts.js';
import type { StageEnvironment } from './context.js';
import { inWorkFolder } from './work-folder.js';

/** The key in the store under which the artifact of a stage lies. */
export const artifactKey = (kind: StageKind, key: string): string => `stages/${kind}/${key}`;

/** The part of a stage's result that its own work finds out; small, kept in the artifact's manifest. */
export type FactsOf<K extends StageKind> = Omit<StageIO[K]['result'], keyof StageResult>;

/** The result of a finished stage; undefined: none with this key is finished. */
export async function findFinished<K extends StageKind>(
  store: ArtifactStore,
  kind: K,
  key: string,
): Promise<{ readonly result: StageIO[K]['result']; readonly created: Date } | undefined> {
  const found = await store.find(artifactKey(kind, key));
  return found && { result: resultOf<K>(found, true), created: new Date(found.manifest.created) };
}

/** Takes the result of a finished stage with the same key; else does the work, in a folder that becomes the artifact. */
export async function reuseOrRun<K extends StageKind>(
  { kind, key }: { readonly kind: K; readonly key: string },
  { settings, store, signal, onProgress }: StageEnvironment,
  work: (folder: string) => Promise<FactsOf<K>>,
): Promise<StageIO[K]['result']> {
  const at = artifactKey(kind, key);
  onProgress({ phase: 'open', step: 0, totalSteps: 0 });
  const finished = await findIntact(store, at);
  if (finished) return resultOf<K>(finished, true);
  return inWorkFolder(settings, `${kind}-${key.slice(0, 16)}`, async folder => {
    const started = Date.now();
    const facts = await work(folder);
    const seconds = (Date.now() - started) / 1000;
    onProgress({ phase: 'commit', step: 0, totalSteps: 0 });
    await store.commit(at, folder, { facts: { facts, seconds }, signal });
    // Another worker may have been first: then its artifact counts, with its facts.
    const committed = await store.find(at);
    if (!committed) throw errors.artifactMissing(at, 'just stored');
    return resultOf<K>(committed, false);
  });
}

const UNUSABLE = ['ARTIFACT_DAMAGED', 'ARTIFACT_MISSING'];

/** A damaged artifact counts as none: the stage is done again, and its commit takes the place. */
async function findIntact(store: ArtifactStore, at: string): Promise<StoredArtifact | undefined> {
  const found = await store.find(at);
  try {
    if (found) await store.open(found.ref);
    return found;
  } catch (error) {
    if (error instanceof AppError && UNUSABLE.includes(error.code)) return undefined;
    throw error;
  }
}

function resultOf<K extends StageKind>(
  { ref, manifest }: StoredArtifact,
  reused: boolean,
): StageIO[K]['result'] {
  // Written by `reuseOrRun` for the stage of this key.
  const { facts, seconds } = manifest.facts as { facts: FactsOf<K>; seconds: number };
  return { ...facts, artifact: ref, reused, seconds } as StageIO[K]['result'];
}
