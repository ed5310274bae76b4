import type { ChildProcess } from 'node:child_process';
import { compiledModule } from '../package-root.js';
import { AppError, errors } from '../errors/index.js';
import { forkTensorFlow, sendMessage, waitForExit } from '../native/tensorflow-process.js';
import type { StageProgress } from '../formats/progress.js';
import type { TrainerJob, TrainerReply, TrainerRequest } from './protocol.js';
import type { Settings } from '../settings.js';
import { stallSeconds } from './stall.js';

export interface TrainerOptions {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  /** Another program and other limits in tests. */
  readonly trainer?: Trainer;
}
export interface Trainer {
  readonly program: URL;
  readonly limits: Limits;
}
interface Limits {
  /** How long a phase may say nothing. */
  readonly stallSeconds: (phase: string) => number;
  readonly lookMs: number;
  /** From being asked to stop until it is killed: one step and a checkpoint. */
  readonly stopGraceMs: number;
}

const OWN: Trainer = {
  program: compiledModule('./main.js', import.meta.url),
  limits: { stallSeconds, lookMs: 5_000, stopGraceMs: 60_000 },
};

/**
 * Runs a job where TensorFlow lives: in a process of its own, so that a long native call starves nobody's heartbeats,
 * a crash takes nobody along, and memory is given back. One that hangs is killed; one that is asked to stop saves first.
 */
export async function runTrainer<T>(job: TrainerJob, options: TrainerOptions): Promise<T> {
  const { settings, signal, onProgress, trainer = OWN } = options;
  signal.throwIfAborted();
  const { child, outputTail } = forkTensorFlow(trainer.program, settings, 'trainer.log');
  const said = listen<T>(child, onProgress);
  const watch = watchForStall(child, said, trainer.limits);
  const stop = stopOnAbort(child, signal, trainer.limits);
  try {
    sendMessage(child, { type: 'start', job, settings } satisfies TrainerRequest);
    const how = await waitForExit(child);
    if (said.result) return said.result.value;
    throw watch.stall ?? said.failure ?? errors.trainerCrashed({ how, lastWords: outputTail() });
  } finally {
    watch.end();
    stop.end();
  }
}

interface Said<T> {
  at: number;
  phase: string;
  result?: { readonly value: T };
  failure?: AppError;
}

function listen<T>(child: ChildProcess, onProgress: (progress: StageProgress) => void): Said<T> {
  const said: Said<T> = { at: Date.now(), phase: 'start' };
  child.on('message', (reply: TrainerReply) => {
    said.at = Date.now();
    // Each kind of job has one type of result, which whoever asked for it names.
    if (reply.type === 'done') said.result = { value: reply.result as T };
    else if (reply.type === 'failed') said.failure = AppError.from(reply.error);
    else {
      said.phase = reply.progress.phase;
      onProgress(reply.progress);
    }
  });
  return said;
}

function watchForStall(
  child: ChildProcess,
  said: Said<unknown>,
  limits: Limits,
): { readonly stall: AppError | undefined; end: () => void } {
  let stall: AppError | undefined;
  const timer = setInterval(() => {
    const seconds = (Date.now() - said.at) / 1000;
    if (stall || seconds < limits.stallSeconds(said.phase)) return;
    stall = errors.trainerHung({ phase: said.phase, seconds: Math.round(seconds) });
    child.kill('SIGKILL');
  }, limits.lookMs);
  return {
    get stall() {
      return stall;
    },
    end: () => clearInterval(timer),
  };
}

function stopOnAbort(child: ChildProcess, signal: AbortSignal, { stopGraceMs }: Limits): { end: () => void } {
  let kill: NodeJS.Timeout | undefined;
  const stop = (): void => {
    sendMessage(child, { type: 'stop' } satisfies TrainerRequest);
    kill = setTimeout(() => child.kill('SIGKILL'), stopGraceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  return {
    end: () => {
      clearTimeout(kill);
      signal.removeEventListener('abort', stop);
    },
  };
}
