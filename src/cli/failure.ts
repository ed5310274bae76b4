import { AppError, messageOf } from '../errors/index.js';
import type { Terminal } from './terminal.js';

/** Mistakes in the arguments or in a run file: exit status 2. All other errors: 1. */
const MISTAKES = /^(USAGE|CONFIG)_/;

/** Reports an error on stderr. Returns the exit status. */
export function reportFailure(
  error: unknown,
  { json, stderr, colours }: Pick<Terminal, 'json' | 'stderr' | 'colours'>,
): 1 | 2 {
  const known = error instanceof AppError ? error : undefined;
  const code = known?.code ?? 'UNEXPECTED';
  if (json) stderr.write(`${JSON.stringify({ error: known ?? { code, message: messageOf(error) } })}\n`);
  else {
    const stage = known?.facts?.stage;
    const place = typeof stage === 'string' ? ` in ${stage}` : '';
    stderr.write(
      `${colours.red(colours.bold('error'))} ${colours.bold(code)}${place}: ${messageOf(error)}\n`,
    );
    if (known?.hint) stderr.write(`  ${colours.cyan('hint')}: ${known.hint}\n`);
    if (!known && error instanceof Error && error.stack)
      stderr.write(`${colours.dim(frames(error.stack))}\n`);
  }
  return MISTAKES.test(code) ? 2 : 1;
}

/** An error outside the catalogue is a defect of the product: bug reports need its stack. */
const frames = (stack: string): string =>
  stack
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .slice(0, 5)
    .join('\n');
