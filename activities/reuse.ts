import type { StageResult } from '../src/pipeline.js';
import type { ArtifactStore } from '../src/store/artifact-store.js';

/** Raised by hand when a stage would give another result for the same inputs. */
export const IMPL_VERSIONS = { clean: 1, train: 1, export: 1, evaluate: 1, advise: 1 } as const;
export type StageKind = keyof typeof IMPL_VERSIONS;

/** Where the artifact of a stage lies. */
export const artifactKey = (kind: StageKind, key: string): string => `stages/${kind}/${key}`;

type Rest<T extends StageResult> = Omit<T, keyof StageResult>;

/** A finished stage with the same key is taken as it is; else the work is done, and its facts are kept with its artifact. */
export async function reuseOrRun<T extends StageResult>(
  store: ArtifactStore,
  { kind, key }: { kind: StageKind; key: string },
  work: () => Promise<{ folder: string; facts: Rest<T> }>,
): Promise<T> {
  const at = artifactKey(kind, key);
  const found = await store.find(at);
  if (found) {
    const { facts, seconds } = found.manifest.facts as { facts: Rest<T>; seconds: number };
    return { ...facts, artifact: found.ref, reused: true, seconds } as T;
  }
  const started = Date.now();
  const { folder, facts } = await work();
  const seconds = (Date.now() - started) / 1000;
  const artifact = await store.commit(at, folder, { facts: { facts, seconds } });
  return { ...facts, artifact, reused: false, seconds } as T;
}
