import type { ArtifactRef } from '../formats/artifact.js';
import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { TrainingState } from '../formats/training-state.js';
import { updateAverages } from './soft-weights.js';

/** The most points that a curve needs; a longer run logs one step in several. */
const MAX_POINTS = 2000;

export interface LoggedStep {
  /** Loss terms and gradient norm of the step by name. */
  readonly values: Readonly<Record<string, number>>;
  readonly learningRate: number;
}

/** The state of a running training: what its next checkpoint will hold, and its newest checkpoint. */
export class RunState {
  /** The newest committed checkpoint; null: there is none yet. */
  checkpoint: { readonly step: number; readonly artifact: ArtifactRef } | null = null;
  /** The time of the last commit, in ms since 1970. */
  committedAt = Date.now();

  constructor(public saved: TrainingState) {}

  get step(): number {
    return this.saved.step;
  }
  get totalSteps(): number {
    return this.saved.history.totalSteps;
  }
  get isFinished(): boolean {
    return this.step >= this.totalSteps;
  }
  /** Whether the step is the last of a number of epochs. */
  isEndOfEpochs(epochs: number): boolean {
    return this.step % (epochs * this.saved.history.stepsPerEpoch) === 0;
  }

  /** Counts a step that was made, and logs it. */
  advance({ values, learningRate }: LoggedStep): void {
    this.saved.loss_averages = updateAverages(this.saved.loss_averages, values, this.step);
    this.saved.step++;
    const every = Math.ceil(this.totalSteps / MAX_POINTS);
    if (this.step % every !== 0) return;
    const { gradient_norm: gradientNorm = null, ...losses } = values;
    this.saved.history.points.push({ step: this.step, losses, learningRate, gradientNorm });
  }

  addWarning(warning: string): void {
    const { warnings } = this.saved.history;
    if (!warnings.includes(warning)) warnings.push(warning);
  }

  /** Logs an evaluation of this step. @returns whether it is the best so far */
  addEvaluation(metrics: CocoMetrics): boolean {
    const { step, saved } = this;
    saved.history.evaluations.push({ step, metrics });
    if (saved.best && metrics.AP < saved.best.metrics.AP) return false;
    saved.best = { step, metrics: { ...metrics } };
    return true;
  }
}
