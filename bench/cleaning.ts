/** Cleaning many photographs with every rule switched on: images a second, processor time, peak memory. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Measurement, measureOnce } from './candidate.js';
import { PHOTOGRAPH, type PhotographOptions, writePhotographs } from './photographs.js';
import type { Report } from './report.js';
import { figureRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

interface CleaningMeasurement extends Measurement {
  readonly processorMs: number;
  /** The rules that found something, with the number of their findings. */
  readonly found: readonly string[];
}

export type CleaningOptions = Pick<PhotographOptions, 'images' | 'from'>;

export const benchCleaning = (report: Report, { images, from }: CleaningOptions): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    const [folder, outFolder] = [join(root, 'photographs'), join(root, 'out')];
    report.progress(`writes ${images} photographs of ${PHOTOGRAPH.width} × ${PHOTOGRAPH.height}`);
    await Promise.all([writePhotographs({ folder, images, from }), mkdir(outFolder)]);
    const candidate = {
      name: 'detdistill',
      program: { module: './programs/clean.js' },
      open: { train: folder, outFolder },
    };
    const { ms, processorMs, peakMiB, found } = await measureOnce<CleaningMeasurement>(candidate, report);
    report.say(`found: ${found.join(', ')}`);
    const subject = { model: `cleaning ${images} photographs`, precision: '' };
    return [
      figureRow(report, { ...subject, unit: 'images/s' }, [(1000 * images) / ms]),
      figureRow(report, { ...subject, model: `${subject.model}, processors` }, [processorMs]),
      figureRow(report, { ...subject, model: `${subject.model}, peak`, unit: 'MiB' }, [peakMiB]),
    ];
  });
