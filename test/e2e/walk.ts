import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A command of a guide and what the guide says that it prints. */
export interface Step {
  readonly command: string;
  readonly expected: string;
}

/** `$ command` lines of ```console blocks, each with the lines below it; and files: ```yaml blocks after `NAME`:. */
export function readGuide(markdown: string): { steps: Step[]; files: { name: string; text: string }[] } {
  const blocks = [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text]) => text!);
  const steps = blocks.flatMap(text =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map(part => {
        const [, command, expected] = /^((?:[^\n]*\\\n)*[^\n]*)\n(.*)$/s.exec(part)!;
        return { command: command!, expected: expected!.trimEnd() };
      }),
  );
  const files = [...markdown.matchAll(/`(\S+\.yaml)`[^\n]*:\n\n```yaml\n(.*?)^```$/gms)].map(
    ([, name, text]) => ({ name: name!, text: text! }),
  );
  return { steps, files };
}

/** What differs between two runs on two machines: numbers, times, the width of columns. */
const plain = (line: string): string =>
  line
    .replace(/(\d+ h )?(\d+ min )?\d+ s\b/g, '# s')
    .replace(/-?\d+(\.\d+)?(e-?\d+)?/g, '#')
    .replace(/\s+/g, ' ')
    .trim();

/** Whether a text is as expected; a line `…` stands for any lines. */
export function matchesGuide(actual: string, expected: string): boolean {
  const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = expected
    .split('\n')
    .map(line => (line.trim() === '…' ? '(?:.*\\n)*?' : `${escape(plain(line)).replaceAll('…', '.*')}\\n`))
    .join('');
  const text = actual.trimEnd().split('\n').map(plain).join('\n');
  return new RegExp(`^${pattern}$`).test(`${text}\n`);
}

export interface Shell {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs a command to its end. @returns stdout; @throws with the end of stderr */
export async function runStep(command: string, { cwd, env }: Shell): Promise<string> {
  const child = spawn('bash', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command}\nexit status ${code}\n${err().slice(-3000)}`);
  return out();
}

/** Starts a command that stays, until it has printed a line. */
export async function startStep(
  command: string,
  { cwd, env }: Shell,
): Promise<{ printed: string; stop: () => Promise<void> }> {
  const child = spawn('bash', ['-c', `exec ${command}`], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const err = collect(child.stderr);
  const ended = once(child, 'close');
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>,
    ended.then(() => Promise.reject(new Error(`${command}: ended\n${err().slice(-3000)}`))),
  ]);
  return { printed: first[0], stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return () => text;
}
