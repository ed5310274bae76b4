import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Data } from '../config/run.js';
import { cleanDataset } from '../data/cleaning/clean.js';
import { readModelCard } from '../detection/model-card.js';
import { readReport } from '../evaluation/report.js';
import type { Report } from '../evaluation/report-schema.js';
import type { Settings } from '../settings.js';
import { fillFolder } from './output-folder.js';
import { showStage } from './progress/stage.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';

/** Pictures at a time. */
const BATCH = 8;

interface Options {
  readonly model: string;
  /** Keeps the report; left out, it is only read. */
  readonly out: string | undefined;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

/** Looks at every picture of a data set with a model; the data set is cleaned into a folder of its own first. */
export async function evaluateModelOn(dataset: string, { model, out, ...context }: Options): Promise<Report> {
  const { classes } = await readModelCard(resolve(model));
  const work = await mkdtemp(join(tmpdir(), 'detdistill-evaluate-'));
  const evaluateInto = async (folder: string): Promise<Report> => {
    const cleaned = join(work, 'data');
    await cleanInto(cleaned, { dataset, classes, terminal: context.terminal });
    await runJob(
      { kind: 'evaluate', model: resolve(model), dataset: cleaned, batchSize: BATCH, folder },
      context,
    );
    return readReport(folder);
  };
  try {
    return await (out === undefined ? evaluateInto(join(work, 'report')) : fillFolder(out, evaluateInto));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function cleanInto(
  outFolder: string,
  { dataset, classes, terminal }: { dataset: string; classes: string[]; terminal: Terminal },
): Promise<void> {
  const { onProgress, end } = await showStage(terminal);
  // Named as both splits: then all of its pictures are in the one that is evaluated.
  const data = Data.parse({ train: resolve(dataset), eval: resolve(dataset), classes });
  await cleanDataset({ data, outFolder, onProgress }).finally(end);
}
