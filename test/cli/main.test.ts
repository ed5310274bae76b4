import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { detdistill } from './command-line.js';

let home: string;
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'detdistill-home-'))));
afterEach(() => rm(home, { recursive: true, force: true }));

const run = (...args: string[]) => detdistill(args, { env: { DETDISTILL_HOME: home } });

const COMMANDS = [
  'setup demo run plan modelarts list status watch history pause resume cancel clean evaluate predict import-checkpoint export serve dev worker',
]
  .join(' ')
  .split(' ');

describe('detdistill', () => {
  it('lists every command on stdout, and its version', async () => {
    const { status, stdout, stderr } = await run('--help');
    expect([status, stderr]).toEqual([0, '']);
    const listed = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name);
    expect(listed).toEqual([...COMMANDS, 'help']);
    expect(await run('--version')).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it.each(COMMANDS)('%s says how it is used', async command => {
    const { status, stdout, stderr } = await run(command, '--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: detdistill ${command}`);
  });

  it('shows what there is when nothing is asked for', async () => {
    const { status, stdout, stderr } = await run();
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Start with: detdistill demo');
  });

  it.each([
    [['demoo'], "unknown command 'demoo'", 'did you mean demo?'],
    [['run', 'x.yaml', '--detatch'], "unknown option '--detatch'", 'did you mean --detach?'],
    [['status'], "missing required argument 'run'", 'add --help to show what is allowed'],
    [['export', 'trees', '--format', 'frozen'], "required option '--out <path>' not specified", 'add --help'],
    [['worker', 'cpu'], 'worker cpu: unknown kind', 'allowed: control, gpu'],
    [['clean', 'data'], 'no output folder given', 'add --out DIR, or --dry-run'],
    [
      ['clean', 'data', '--dry-run', '--model_name', 'efficientdet-d00'],
      '--model_name efficientdet-d00: unknown model; did you mean efficientdet-d0?',
      'allowed: efficientdet-d0',
    ],
    [['evaluate', '--model', 'trees'], 'no complete set of inputs given', 'use --model and --data, or'],
    [
      ['predict', '--model', 'trees', 'a.jpg', '--score', 'high'],
      '--score high: not a score',
      'allowed: numbers from 0 to 1',
    ],
  ])('refuses %j with 2', async (args, message, hint) => {
    const { status, stdout, stderr } = await run(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error USAGE_WRONG: ${message}`);
    expect(stderr).toContain(`hint: ${hint}`);
    expect(await readdir(home)).toEqual([]);
  });

  it('reports to programs in JSON, on stderr', async () => {
    const { status, stdout, stderr } = await run('list', '--jsn', '--json');
    expect([status, stdout]).toEqual([2, '']);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'USAGE_WRONG', hint: 'did you mean --json?' },
    });
  });
});
