import { describe, expect, it } from 'vitest';
import { formatBar, formatBytes, formatDuration, formatLoss, formatMetric } from '../../src/cli/format.js';
import { alignTable } from '../../src/cli/table.js';

describe('numbers for people', () => {
  it.each([
    [0.2, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min 00 s'],
    [125, '2 min 05 s'],
    [3599.7, '1 h 00 min'],
    [7384, '2 h 03 min'],
  ])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [4_200_000, '4.2 MB'],
    [273_829_956, '274 MB'],
    [572e6 * 2, '1.1 GB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('shows four digits of a loss, and one that is not finite as it is', () => {
    expect([1.23456, 0.00123456, 123456, NaN].map(formatLoss)).toEqual([
      '1.235',
      '0.001235',
      '1.235e5',
      'NaN',
    ]);
  });

  it('shows a metric that nothing was measured for as a dash', () => {
    expect([0.30449, 0, -1].map(formatMetric)).toEqual(['0.304', '0.000', '–']);
  });

  it('fills a bar by its share and never beyond', () => {
    expect([-1, 0, 0.5, 2].map(share => formatBar(share, 4))).toEqual(['░░░░', '░░░░', '██░░', '████']);
  });
});

describe('alignTable', () => {
  it('aligns numbers at their end and leaves no blanks behind', () => {
    const rows = [
      ['stage', 'seconds', ''],
      ['clean', '3', 'reused'],
      ['train-teacher', '120', ''],
    ];
    expect(alignTable(rows, [1])).toBe(
      ['stage          seconds', 'clean                3  reused', 'train-teacher      120'].join('\n'),
    );
  });

  it('takes colours for nothing', () => {
    expect(
      alignTable([
        ['\u001b[31mab\u001b[39m', 'x'],
        ['abc', 'y'],
      ]),
    ).toBe('\u001b[31mab\u001b[39m   x\nabc  y');
  });
});
