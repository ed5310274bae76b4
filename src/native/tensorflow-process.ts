import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSource } from '../package-root.js';
import type { Settings } from '../settings.js';
import { trainerEnvironment } from './setup.js';

export interface TensorFlowProcess {
  readonly child: ChildProcess;
  /** The last lines that the process has written to stdout and stderr. */
  readonly outputTail: () => string;
}

const TAIL = { characters: 2_000, lines: 5 };
/** TensorFlow's notices while it loads say nothing about a crash. */
const NOTICE = /^(I\d{4} |WARNING: All log messages before absl::)/;

/** Forks a process that may load TensorFlow. @param log the file in the home's logs/ that gets the process's output */
export function forkTensorFlow(program: URL, settings: Settings, log: string): TensorFlowProcess {
  const child = fork(program, {
    execArgv: isSource(program.href) ? ['--import', 'tsx'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...trainerEnvironment(settings) },
  });
  return { child, outputTail: recordOutput(child, join(settings.home, 'logs'), log) };
}

/** Does nothing when the process has ended: its exit is handled elsewhere. */
export function sendMessage(child: ChildProcess, message: object): void {
  if (child.connected) child.send(message, () => undefined);
}

/** Resolves to the signal or exit status once the process has ended and all its output has been read. */
export const waitForExit = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? `exit status ${code}`));
  });

/** Appends the output of the process to a log file. @returns a function that gives the last lines, for crash reports */
function recordOutput(child: ChildProcess, folder: string, name: string): () => string {
  mkdirSync(folder, { recursive: true });
  const log = createWriteStream(join(folder, name), { flags: 'a' });
  log.on('error', () => undefined); // a log that cannot be written must not stop the work
  child.once('close', () => log.end());
  let tail = '';
  const add = (chunk: Buffer): void => {
    log.write(chunk);
    tail = (tail + chunk.toString('utf8')).slice(-TAIL.characters);
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () =>
    tail
      .trim()
      .split('\n')
      .filter(line => !NOTICE.test(line))
      .slice(-TAIL.lines)
      .join('\n');
}
