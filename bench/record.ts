/** The time that recording and writing a training program takes, in this process, and the size of what is written. */
import { join } from 'node:path';
import { isSelected, type ModelSelection, RECORDED } from './models.js';
import type { Report } from './report.js';
import { figureRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';
import { record, type Recorded } from './training-case.js';
import { subjectOf } from './training-candidates.js';

const BATCH = 8;
const RECORDINGS = 3;
/** A model that takes longer is recorded only once. */
const LONG_MS = 10_000;

export const benchRecord = (report: Report, selection: ModelSelection): Promise<Row[]> =>
  inTemporaryFolder(async folder => {
    const rows: Row[] = [];
    await record({ model: 'efficientdet-t0', batch: 1 }, join(folder, 'warm-up'));
    for (const model of RECORDED.filter(name => isSelected(selection, name))) {
      const one = { model, batch: BATCH };
      const times: number[] = [];
      let last: Recorded;
      do {
        report.progress(`${model}: recording ${times.length + 1} of ${RECORDINGS}`);
        last = await record(one, join(folder, model));
        times.push(last.ms);
      } while (times.length < RECORDINGS && last.ms <= LONG_MS);
      const subject = subjectOf(one);
      rows.push(
        figureRow(report, { ...subject, model: `${model}, record` }, times),
        figureRow(report, { ...subject, model: `${model}, graph`, unit: 'MB' }, [last.bytes / 1e6]),
        figureRow(report, { ...subject, model: `${model}, graph`, unit: 'nodes' }, [last.nodes]),
      );
    }
    return rows;
  });
