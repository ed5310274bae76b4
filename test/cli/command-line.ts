import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM = join(import.meta.dirname, '../../bin/detdistill.mjs');

/** Runs the command line as a person does, in a process of its own, without colours. */
export function detdistill(
  args: readonly string[],
  { env = {}, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: { ...process.env, FORCE_COLOR: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', chunk => (said.stdout += String(chunk)));
  child.stderr.on('data', chunk => (said.stderr += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', status => resolve({ status, ...said }));
  });
}
