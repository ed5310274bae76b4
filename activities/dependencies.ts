import type { Settings } from '../src/settings.js';
import type { ArtifactStore } from '../src/store/artifact-store.js';
import type { Trainer } from './trainer-process.js';

/** What activities are built with, once per worker. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: ArtifactStore;
  /** Another trainer in tests. */
  readonly trainer?: Trainer;
}
