import { describe, expect, it } from 'vitest';
import { against, alone, jsonLine, spreadOf } from '../../bench/row.js';

const lines: string[] = [];
const report = {
  say: (line: string) => void lines.push(line),
  progress: () => undefined,
  end: () => undefined,
};

describe('rows', () => {
  it('say nothing of a peer where there is none', () => {
    const row = alone(report, { model: 'graph', unit: 'MB' }, [4.5]);
    expect(JSON.parse(jsonLine('record', [row]))).toMatchObject({
      name: 'record',
      rows: [{ model: 'graph', unit: 'MB', ours: 4.5, peer: null, theirs: null, ratio: null }],
    });
    expect(lines.at(-1)).toMatch(/^graph +4\.5 MB$/);
  });

  it('have the median of the rounds’ ratios, not the ratio of the medians', () => {
    const row = against(report, { model: 'd0' }, { ours: [1, 2, 9], peer: 'other', theirs: [2, 8, 9] });
    expect(row).toMatchObject({ ours: 2, theirs: 8, ratio: 0.5 });
    expect(lines.at(-1)).toContain('other');
  });

  it('have the middle half of their rounds', () => {
    expect(spreadOf([9, 1, 5, 3, 7])).toEqual({ median: 5, low: 3, high: 7 });
  });
});
