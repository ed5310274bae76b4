import type { Settings } from '../src/settings.js';
import type { ArtifactStore } from '../src/store/artifact-store.js';

/** What activities are built with, once per worker. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: ArtifactStore;
}
