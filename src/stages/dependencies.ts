import type { Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import type { Trainer } from '../trainer/process.js';

/** What activities are built with, once per worker. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: ArtifactStore;
  /** Another trainer in tests. */
  readonly trainer?: Trainer;
}
