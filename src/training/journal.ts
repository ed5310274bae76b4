import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { StageProgress } from '../formats/progress.js';
import type { EventWriter } from './events.js';
import type { LoggedStep, RunState } from './run-state.js';

export interface JournalOptions {
  readonly state: RunState;
  readonly events: EventWriter;
  readonly onProgress: (progress: StageProgress) => void;
  readonly batchSize: number;
  /** Augmented views of an image for each of which the teacher runs once; 0: the teacher is not cached. */
  readonly views: number;
}

/** Work of the teacher that slows some steps only. */
interface Inference {
  /** Steps in which the teacher ran. */
  readonly steps: number;
  /** The time that it took in all of them. */
  readonly seconds: number;
}

/** The start of notes that are warnings. */
const WARNING = 'warning: ';

const NO_INFERENCE: Inference = { steps: 0, seconds: 0 };

/** Reports what happens in a training: progress and notes to whoever started it, numbers to TensorBoard. */
export class Journal {
  #start = { step: 0, ms: 0 };
  readonly #noted = new Set<string>();

  constructor(private readonly options: JournalOptions) {}

  /** Starts to measure the pace, at the step where the training starts or continues. */
  startClock(): void {
    this.#start = { step: this.options.state.step, ms: Date.now() };
  }

  /** Logs a finished step. @param inference work of a cached teacher since the clock was started */
  step({ values, learningRate }: LoggedStep, inference: Inference = NO_INFERENCE): void {
    const { state, events, batchSize } = this.options;
    events.scalars(state.step, { ...values, learning_rate: learningRate });
    const { gradient_norm: _, ...losses } = values;
    const steps = state.step - this.#start.step;
    const seconds = (Date.now() - this.#start.ms) / 1000;
    this.report('train', {
      losses,
      learningRate,
      itemsPerSecond: (batchSize * steps) / seconds,
      secondsLeft: secondsLeft({ steps, seconds, inference }, this.#remaining()),
    });
  }

  evaluation(metrics: CocoMetrics): void {
    const named = Object.entries(metrics).map(([name, value]) => [`eval/${name}`, value] as const);
    this.options.events.scalars(this.options.state.step, Object.fromEntries(named));
  }

  /** Reports one line for people. A warning stays with the training, so that its report can repeat it. */
  note(note: string): void {
    if (note.startsWith(WARNING)) this.options.state.addWarning(note.slice(WARNING.length));
    this.report('start', { note });
  }

  /** Reports one line for people, unless one about the same subject was reported before. */
  noteOnce(subject: string, note: string): void {
    if (this.#noted.has(subject)) return;
    this.#noted.add(subject);
    this.note(note);
  }

  report(phase: string, rest: Partial<StageProgress> = {}): void {
    const { step, totalSteps, checkpoint, saved } = this.options.state;
    this.options.onProgress({
      phase,
      step,
      totalSteps,
      ...(saved.best && { best: { AP: saved.best.metrics.AP, step: saved.best.step } }),
      ...(checkpoint && { checkpoint }),
      ...rest,
    });
  }

  /** Writes logged numbers to their file. */
  flush(): void {
    this.options.events.flush();
  }

  #remaining(): Remaining {
    const { state, views } = this.options;
    const { step, totalSteps, saved } = state;
    // Every view is new in the first epochs, one an epoch.
    const newViews = Math.min(views * saved.history.stepsPerEpoch, totalSteps);
    return { steps: totalSteps - step, withInference: Math.max(0, newViews - step) };
  }
}

interface Done {
  readonly steps: number;
  /** The time of all steps, including the teacher's. */
  readonly seconds: number;
  readonly inference: Inference;
}

interface Remaining {
  readonly steps: number;
  /** Those of them in which the teacher will run. */
  readonly withInference: number;
}

/** The seconds that the remaining steps take at the pace so far. */
export function secondsLeft({ steps, seconds, inference }: Done, remaining: Remaining): number {
  const perStep = (seconds - inference.seconds) / steps;
  const perInference = inference.steps === 0 ? 0 : inference.seconds / inference.steps;
  return perStep * remaining.steps + perInference * remaining.withInference;
}
