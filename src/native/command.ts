import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The command's standard input. */
  readonly input?: string;
}

/** The number of last lines of a failed command's output that its error shows. */
const TAIL_LINES = 12;

/** Runs a command and gives its stdout. @throws an Error with the last lines of its output when it fails */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { cwd, env, input } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      output.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.stdin.on('error', () => undefined); // a command may end without reading all of it
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(stdout).toString());
      reject(
        new Error(`${command} ended with ${signal ?? code}: ${lastLines(Buffer.concat(output).toString())}`),
      );
    });
  });
}

/** The path of an executable file in one of PATH's folders. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv = process.env): string | null {
  const candidates = (env.PATH ?? '').split(delimiter).map(folder => join(folder || '.', name));
  return candidates.find(isExecutable) ?? null;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-TAIL_LINES).join('\n');
