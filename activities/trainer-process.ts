import { type ChildProcess, fork } from 'node:child_process';
import { compiledModule } from '../src/compiled.js';
import { AppError, type ErrorFacts, errors } from '../src/errors.js';
import { trainerEnvironment } from '../src/native/setup.js';
import type { StageProgress, TrainerJob } from '../src/pipeline.js';
import type { Settings } from '../src/settings.js';

/** Parent to child. */
export type TrainerRequest =
  | { readonly type: 'start'; readonly job: TrainerJob; readonly settings: Settings }
  | { readonly type: 'stop' };
/** Child to parent. */
export type TrainerReply =
  | { readonly type: 'progress'; readonly progress: StageProgress }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

export interface TrainerOptions {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  /** The child's program; another one in tests. */
  readonly program?: URL;
  readonly stallSeconds?: (phase: string) => number;
}

/** How long a phase may say nothing: loading and the first step of a large graph take long, a step does not. */
const STALL_SECONDS: Readonly<Record<string, number>> = { start: 600, restore: 600, checkpoint: 900 };
const STALL_SECONDS_ELSE = 600;
const STOP_GRACE_MS = 60_000;
const BEAT_MS = 5_000;
const LAST_WORDS = 2_000;

/**
 * Runs a job where TensorFlow lives: in a process of its own, so that a long native call starves nobody's heartbeats,
 * a crash takes nobody along, and memory is given back. Progress is repeated only while it is fresh: a hang must not
 * look alive.
 */
export function runTrainer<T>(job: TrainerJob, options: TrainerOptions): Promise<T> {
  const {
    settings,
    signal,
    onProgress,
    program = compiledModule('../workers/trainer.js', import.meta.url),
  } = options;
  const stallSeconds = options.stallSeconds ?? (phase => STALL_SECONDS[phase] ?? STALL_SECONDS_ELSE);
  const child = fork(program, {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...trainerEnvironment(settings) },
  });
  const lastWords = collectLastWords(child);
  let last: { at: number; progress: StageProgress } = {
    at: Date.now(),
    progress: { phase: 'start', step: 0, totalSteps: 0 },
  };
  let failure: AppError | undefined;
  let result: { value: T } | undefined;

  const beat = setInterval(() => {
    const { phase } = last.progress;
    const silent = (Date.now() - last.at) / 1000;
    if (silent < stallSeconds(phase)) return onProgress(last.progress);
    failure = errors.trainerHung({ phase, seconds: Math.round(silent) });
    child.kill('SIGKILL');
  }, BEAT_MS);
  const send = (request: TrainerRequest): void => {
    if (child.connected) child.send(request, () => undefined);
  };
  let kill: NodeJS.Timeout | undefined;
  const stop = (): void => {
    send({ type: 'stop' });
    kill = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  };
  child.on('message', (reply: TrainerReply) => {
    if (reply.type === 'done') result = { value: reply.result as T };
    else if (reply.type === 'failed') failure ??= AppError.from(reply.error);
    else {
      last = { at: Date.now(), progress: reply.progress };
      onProgress(reply.progress);
    }
  });
  send({ type: 'start', job, settings });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });

  return new Promise<T>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killer) => {
      if (result) resolve(result.value);
      else
        reject(
          failure ?? errors.trainerCrashed({ how: killer ?? `exit status ${code}`, lastWords: lastWords() }),
        );
    });
  }).finally(() => {
    clearInterval(beat);
    clearTimeout(kill);
    signal.removeEventListener('abort', stop);
  }) as Promise<T>;
}

function collectLastWords(child: ChildProcess): () => string {
  let text = '';
  const add = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-LAST_WORDS);
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text.trim().split('\n').slice(-5).join('\n');
}
