import { AppError, errors } from '../errors/index.js';
import type { StageResult } from '../formats/stage-io.js';
import type { ArtifactStore, Found } from '../store/artifact-store.js';
import type { StageContext } from './context.js';
import type { Dependencies } from './dependencies.js';
import { inWorkFolder } from './work-folder.js';

/** Raised by hand when a stage would give another result for the same inputs. */
export const IMPL_VERSIONS = { clean: 5, train: 3, export: 5, evaluate: 4, advise: 2 } as const;
export type StageKind = keyof typeof IMPL_VERSIONS;

/** Where the artifact of a stage lies. */
export const artifactKey = (kind: StageKind, key: string): string => `stages/${kind}/${key}`;

/** What a stage knows of its result beside the artifact; small, kept in the manifest. */
export type FactsOf<T extends StageResult> = Omit<T, keyof StageResult>;

interface Stage {
  readonly kind: StageKind;
  readonly key: string;
  readonly context: StageContext;
}

/** A finished stage with the same key is taken as it is; else the work is done, in a folder that becomes the artifact. */
export async function reuseOrRun<T extends StageResult>(
  { settings, store }: Dependencies,
  { kind, key, context: { signal, onProgress } }: Stage,
  work: (folder: string) => Promise<FactsOf<T>>,
): Promise<T> {
  const at = artifactKey(kind, key);
  onProgress({ phase: 'open', step: 0, totalSteps: 0 });
  const finished = await findIntact(store, at);
  if (finished) return resultOf<T>(finished, { reused: true });
  return inWorkFolder(settings, `${kind}-${key.slice(0, 16)}`, async folder => {
    const started = Date.now();
    const facts = await work(folder);
    const seconds = (Date.now() - started) / 1000;
    onProgress({ phase: 'commit', step: 0, totalSteps: 0 });
    await store.commit(at, folder, { facts: { facts, seconds }, signal });
    // Another worker may have been first: then its artifact counts, with its facts.
    const committed = await store.find(at);
    if (!committed) throw errors.artifactMissing(at, 'just stored');
    return resultOf<T>(committed, { reused: false });
  });
}

const REPEATABLE = ['ARTIFACT_DAMAGED', 'ARTIFACT_MISSING'];

/** An artifact that is damaged is as good as none: the stage is done again, and its commit takes the place. */
async function findIntact(store: ArtifactStore, at: string): Promise<Found | undefined> {
  const found = await store.find(at);
  try {
    if (found) await store.open(found.ref);
    return found;
  } catch (error) {
    if (error instanceof AppError && REPEATABLE.includes(error.code)) return undefined;
    throw error;
  }
}

function resultOf<T extends StageResult>({ ref, manifest }: Found, { reused }: { reused: boolean }): T {
  // Written above by the stage of this key.
  const { facts, seconds } = manifest.facts as { facts: FactsOf<T>; seconds: number };
  return { ...facts, artifact: ref, reused, seconds } as unknown as T;
}
