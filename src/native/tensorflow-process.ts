import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../settings.js';
import { trainerEnvironment } from './setup.js';

export interface TensorFlowProcess {
  readonly child: ChildProcess;
  /** The end of what it has written to its output. */
  readonly lastWords: () => string;
}

const LAST_WORDS = { characters: 2_000, lines: 5 };

/** Forks a process that may load TensorFlow. @param log its output goes to this file of the home's logs/ */
export function forkTensorFlow(program: URL, settings: Settings, log: string): TensorFlowProcess {
  const isSource = program.pathname.endsWith('.ts');
  const child = fork(program, {
    execArgv: isSource ? ['--import', 'tsx'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...trainerEnvironment(settings) },
  });
  return { child, lastWords: collectWords(child, join(settings.home, 'logs'), log) };
}

/** A child that is gone gets no message: how it ended says the rest. */
export function tell(child: ChildProcess, message: object): void {
  if (child.connected) child.send(message, () => undefined);
}

/** How a process ended, once all it said has been read. */
export const ending = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killer) => resolve(killer ?? `exit status ${code}`));
  });

/** What the native library says goes to a file; its end belongs to the report of a crash. */
function collectWords(child: ChildProcess, folder: string, name: string): () => string {
  mkdirSync(folder, { recursive: true });
  const log = createWriteStream(join(folder, name), { flags: 'a' });
  log.on('error', () => undefined); // a log that cannot be written ends no work
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
