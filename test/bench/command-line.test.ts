import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../bench/command-line.js';
import { BENCHMARKS } from '../../bench/benchmarks.js';

let said = '';
beforeEach(() => {
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const statusOf = async (...argv: string[]): Promise<unknown> => {
  await main(argv);
  return process.exitCode;
};

describe('the command line of the benchmarks', () => {
  it.each([
    [['train-step', 'efficientdet-d9'], 'Allowed choices are efficientdet-d0, efficientdet-d2'],
    [['evaluate', 'many'], 'Allowed: a whole number from 1 on'],
    [['store', '0'], 'Allowed: a whole number from 1 on'],
    [['store', '1', '2', '3'], 'too many arguments'],
    [['predict', '--seconds', 'NaN'], 'Allowed: a whole number from 1 on'],
    [['serve', 'efficientdet-d9'], 'Allowed choices are efficientdet-d0'],
    [['predict', '--compile'], 'unknown option'],
    [['trainstep'], Object.keys(BENCHMARKS).join(', ')],
  ])('refuses %j in one line that says what is allowed', async (argv, allowed) => {
    expect(await statusOf(...argv)).toBe(2);
    expect(said).toContain(allowed);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  it('lists what there is when no name is given', async () => {
    expect(await statusOf()).toBe(2);
    for (const name of [...Object.keys(BENCHMARKS), 'all']) expect(said).toContain(name);
  });

  it('would run everything with what `all` writes after the names', () => {
    for (const { args, options = [], argsInAll = [] } of Object.values(BENCHMARKS)) {
      const flags = argsInAll.filter(word => word.startsWith('--'));
      expect(options.map(option => option.long)).toEqual(expect.arrayContaining(flags));
      expect(argsInAll.length - 2 * flags.length).toBeLessThanOrEqual(args.length);
    }
  });
});
