import type { StageProgress } from '../formats/progress.js';
import type { Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import type { RunJob } from '../trainer/protocol.js';

/** Dependencies that a worker gives to all stages. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: ArtifactStore;
  /** Runs a job of the TensorFlow process. */
  readonly runJob: RunJob;
}

/** The part of the environment that differs between attempts of a stage. */
export interface StageContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  /** The last progress that the attempt before reported. */
  readonly last: StageProgress | undefined;
}

/** Everything that a stage is given besides its input. */
export interface StageEnvironment extends Dependencies, StageContext {}
