import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { compiledModule } from '../src/compiled.js';
import { AppError, type ErrorFacts, errors } from '../src/errors.js';
import { trainerEnvironment } from '../src/native/setup.js';
import type { StageProgress, TrainerJob } from '../src/pipeline.js';
import type { Settings } from '../src/settings.js';
import { stallSeconds } from './stall.js';

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
  program: compiledModule('../workers/trainer.js', import.meta.url),
  limits: { stallSeconds, lookMs: 5_000, stopGraceMs: 60_000 },
};

const LAST_WORDS = { characters: 2_000, lines: 5 };

/**
 * Runs a job where TensorFlow lives: in a process of its own, so that a long native call starves nobody's heartbeats,
 * a crash takes nobody along, and memory is given back. One that hangs is killed; one that is asked to stop saves first.
 */
export async function runTrainer<T>(job: TrainerJob, options: TrainerOptions): Promise<T> {
  const { settings, signal, onProgress, trainer = OWN } = options;
  signal.throwIfAborted();
  const child = startChild(trainer.program, settings);
  const lastWords = collectWords(child, settings);
  const said = listen<T>(child, onProgress);
  const watch = watchForStall(child, said, trainer.limits);
  const stop = stopOnAbort(child, signal, trainer.limits);
  try {
    send(child, { type: 'start', job, settings });
    const how = await ending(child);
    if (said.result) return said.result.value;
    throw watch.stall ?? said.failure ?? errors.trainerCrashed({ how, lastWords: lastWords() });
  } finally {
    watch.end();
    stop.end();
  }
}

function startChild(program: URL, settings: Settings): ChildProcess {
  const isSource = program.pathname.endsWith('.ts');
  return fork(program, {
    execArgv: isSource ? ['--import', 'tsx'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...trainerEnvironment(settings) },
  });
}

function send(child: ChildProcess, request: TrainerRequest): void {
  // A child that is gone gets no message: how it ended says the rest.
  if (child.connected) child.send(request, () => undefined);
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
    send(child, { type: 'stop' });
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

/** How a process ended, once all it said has been read. */
const ending = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killer) => resolve(killer ?? `exit status ${code}`));
  });

/** What the native library says goes to a file; its end belongs to the report of a crash. */
function collectWords(child: ChildProcess, { home }: Settings): () => string {
  const folder = join(home, 'logs');
  mkdirSync(folder, { recursive: true });
  const log = createWriteStream(join(folder, 'trainer.log'), { flags: 'a' });
  log.on('error', () => undefined); // a log that cannot be written ends no training
  child.once('close', () => log.end());
  let text = '';
  const add = (chunk: Buffer): void => {
    log.write(chunk);
    text = (text + chunk.toString('utf8')).slice(-LAST_WORDS.characters);
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text.trim().split('\n').slice(-LAST_WORDS.lines).join('\n');
}
