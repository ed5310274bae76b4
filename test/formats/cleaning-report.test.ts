import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCleaningFindings } from '../../src/formats/cleaning-report.js';
import { cleanItems } from '../data/cleaning/voc-set.js';

describe('the findings of cleaning', () => {
  it('are read as they were written', async () => {
    const { outFolder, report } = await cleanItems({ odd: { boxes: [[1, 2, 1, 30], [NaN, 2, 3, 40]] } }); // prettier-ignore
    const findings = await readCleaningFindings(outFolder);
    expect(findings.report).toEqual(report);
    expect(findings.ledger).toMatchObject([
      { rule: 'L04', action: 'drop-box', at: 0, before: { box: [1, 2, 1, 30] } },
      { rule: 'L04', action: 'drop-box', at: 1, before: { box: [null, 2, 3, 40] } },
      { rule: 'L11', action: 'drop-sample' },
    ]);
  });

  it('that are damaged are an error with the file', async () => {
    const { outFolder } = await cleanItems({});
    const file = join(outFolder, 'ledger.jsonl');
    await appendFile(file, '{"rule":"L04"}\n');
    await expect(readCleaningFindings(outFolder)).rejects.toMatchObject({
      code: 'REPORT_UNREADABLE',
      message: expect.stringContaining(`${file}: `) as string,
    });
  });
});
