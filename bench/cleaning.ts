/** Cleaning of many photographs with every rule on: images/s and processor seconds. Making them is not measured. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Measured, once } from './contestants.js';
import { inFolder } from './folder.js';
import { PHOTOGRAPH, type PhotographOptions, writePhotographs } from './photographs.js';
import type { Report } from './report.js';
import { alone, type Row } from './row.js';

interface Cleaned extends Measured {
  readonly processorMs: number;
  readonly found: readonly string[];
}

export type CleaningCase = Pick<PhotographOptions, 'images' | 'from'>;

export const benchCleaning = (report: Report, { images, from }: CleaningCase): Promise<Row[]> =>
  inFolder(async root => {
    const [folder, out] = [join(root, 'photographs'), join(root, 'out')];
    report.progress(`makes ${images} photographs of ${PHOTOGRAPH.width} × ${PHOTOGRAPH.height}`);
    await Promise.all([writePhotographs({ folder, images, from }), mkdir(out)]);
    const contestant = {
      name: 'detdistill',
      program: { module: './programs/clean.js' },
      open: { train: folder, outFolder: out },
    };
    const { ms, processorMs, peakMiB, found } = await once<Cleaned>(contestant, report);
    report.say(`found: ${found.join(', ')}`);
    const about = { model: `cleaning ${images} photographs`, precision: '' };
    return [
      alone(report, { ...about, unit: 'images/s' }, [(1000 * images) / ms]),
      alone(report, { ...about, model: `${about.model}, processors` }, [processorMs]),
      alone(report, { ...about, model: `${about.model}, peak`, unit: 'MiB' }, [peakMiB]),
    ];
  });
