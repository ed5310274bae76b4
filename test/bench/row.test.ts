import { describe, expect, it } from 'vitest';
import { comparisonRow, figureRow, jsonLine, skippedRow, spreadOf } from '../../bench/row.js';

const lines: string[] = [];
const report = {
  say: (line: string) => void lines.push(line),
  progress: () => undefined,
  end: () => undefined,
};

const machine = {
  processor: 'a processor',
  ...{ cores: 2, threads: 4, features: ['AVX2'], node: '20.0.0', load: 0 },
};

describe('rows', () => {
  it('say nothing of a peer where there is none', () => {
    const row = figureRow(report, { model: 'graph', unit: 'MB' }, [4.5]);
    expect(JSON.parse(jsonLine({ name: 'record', machine, rows: [row] }))).toMatchObject({
      name: 'record',
      machine: { features: ['AVX2'] },
      rows: [{ model: 'graph', unit: 'MB', ours: 4.5, peer: null, theirs: null, ratio: null }],
    });
    expect(lines.at(-1)).toMatch(/^graph +4\.5 MB$/);
  });

  it('say why a comparison was skipped', () => {
    const row = skippedRow(report, { model: 'd0', batch: 4 }, { name: 'effdet-bf16', reason: 'no bfloat16' });
    expect(row).toMatchObject({ ours: null, ratio: null, skipped: 'effdet-bf16: no bfloat16' });
    expect(lines.at(-1)).toMatch(/^d0, batch 4 +skipped: effdet-bf16: no bfloat16$/);
  });

  it('have the median of the rounds’ ratios, not the ratio of the medians', () => {
    const row = comparisonRow(report, { model: 'd0' }, { ours: [1, 2, 9], peer: 'other', theirs: [2, 8, 9] });
    expect(row).toMatchObject({ ours: 2, theirs: 8, ratio: 0.5 });
    expect(lines.at(-1)).toContain('other');
  });

  it('have the middle half of their rounds', () => {
    expect(spreadOf([9, 1, 5, 3, 7])).toEqual({ median: 5, low: 3, high: 7 });
  });
});
