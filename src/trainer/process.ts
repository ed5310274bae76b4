import type { ChildProcess } from 'node:child_process';
import { compiledModule } from '../package-root.js';
import { AppError, errors } from '../errors/index.js';
import { forkTensorFlow, sendMessage, waitForExit } from '../native/tensorflow-process.js';
import type { StageProgress } from '../formats/progress.js';
import type { JobContext, JobResult, TrainerJob, TrainerReply, TrainerRequest } from './protocol.js';
import { stallSeconds } from './stall.js';

export interface TrainerOptions extends JobContext {
  /** Another program and other limits in tests. */
  readonly trainer?: Trainer;
}
export interface Trainer {
  readonly program: URL;
  readonly limits: Limits;
}
interface Limits {
  /** How long a phase may report nothing before the process counts as hanging. */
  readonly stallSeconds: (phase: string) => number;
  readonly pollIntervalMs: number;
  /** The time between the request to stop and the kill: enough for one step and a checkpoint. */
  readonly stopGraceMs: number;
}

const DEFAULT_TRAINER: Trainer = {
  program: compiledModule('./main.js', import.meta.url),
  limits: { stallSeconds, pollIntervalMs: 5_000, stopGraceMs: 60_000 },
};

/**
 * Runs a job in a TensorFlow process of its own: a long native call delays nobody's heartbeats, a crash takes nobody along,
 * and memory is given back. A process that hangs is killed; one that is asked to stop saves a checkpoint first.
 */
export async function runTrainer<J extends TrainerJob>(
  job: J,
  options: TrainerOptions,
): Promise<JobResult<J['kind']>> {
  const { settings, signal, onProgress, trainer = DEFAULT_TRAINER } = options;
  signal.throwIfAborted();
  const { child, outputTail } = forkTensorFlow(trainer.program, settings, 'trainer.log');
  const replies = collectReplies<JobResult<J['kind']>>(child, onProgress);
  const watch = watchForStall(child, replies, trainer.limits);
  const stop = stopOnAbort(child, signal, trainer.limits);
  try {
    sendMessage(child, { type: 'start', job, settings } satisfies TrainerRequest);
    const how = await waitForExit(child);
    if (replies.result) return replies.result.value;
    throw watch.stall ?? replies.failure ?? errors.trainerCrashed({ how, outputTail: outputTail() });
  } finally {
    watch.end();
    stop.end();
  }
}

interface Replies<T> {
  /** When the process last reported anything; milliseconds since 1970. */
  lastAt: number;
  phase: string;
  result?: { readonly value: T };
  failure?: AppError;
}

function collectReplies<T>(child: ChildProcess, onProgress: (progress: StageProgress) => void): Replies<T> {
  const replies: Replies<T> = { lastAt: Date.now(), phase: 'start' };
  child.on('message', (reply: TrainerReply) => {
    replies.lastAt = Date.now();
    // The result of a job has the type of its kind.
    if (reply.type === 'done') replies.result = { value: reply.result as T };
    else if (reply.type === 'failed') replies.failure = AppError.from(reply.error);
    else {
      replies.phase = reply.progress.phase;
      onProgress(reply.progress);
    }
  });
  return replies;
}

function watchForStall(
  child: ChildProcess,
  replies: Replies<unknown>,
  limits: Limits,
): { readonly stall: AppError | undefined; end: () => void } {
  let stall: AppError | undefined;
  const timer = setInterval(() => {
    const seconds = (Date.now() - replies.lastAt) / 1000;
    if (stall || seconds < limits.stallSeconds(replies.phase)) return;
    stall = errors.trainerHung({ phase: replies.phase, seconds: Math.round(seconds) });
    child.kill('SIGKILL');
  }, limits.pollIntervalMs);
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
