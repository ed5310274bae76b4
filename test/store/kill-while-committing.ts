import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAM = fileURLToPath(new URL('commit-program.ts', import.meta.url));

interface Killing {
  readonly key: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly isHalfway: () => Promise<boolean>;
}

/** Another process commits a folder and is killed as soon as some of its objects are there. */
export async function killWhileCommitting({ key, folder, env, isHalfway }: Killing): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, key, folder], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  while (child.exitCode === null && !(await isHalfway())) await sleep(2);
  child.kill('SIGKILL');
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== 'SIGKILL')
    throw new Error(`the commit had ended before it could be killed, exit code ${code}`);
}
