import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Data } from '../config/run.js';
import { localData } from '../data/bucket.js';
import { isBucketAddress } from '../store/bucket.js';
import { cleanDataset } from '../data/cleaning/clean.js';
import { readModelCard } from '../formats/model-card.js';
import { readReport, type Report } from '../formats/report.js';
import type { Settings } from '../settings.js';
import { withModel } from './model-folder.js';
import { fillFolder } from '../files/new-folder.js';
import { showStage } from './progress/stage.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';

/** Images at a time. */
const BATCH = 8;

interface Options {
  readonly model: string;
  /** Keeps the report; left out, it is only read. */
  readonly out: string | undefined;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

/** Measures a model on a data set as it is labelled: nothing is mended, what cannot be read is an error. */
export function evaluateModelOn(dataset: string, { model, out, ...context }: Options): Promise<Report> {
  return withModel(model, context, async folder => {
    const { classes } = await readModelCard(folder);
    const work = await mkdtemp(join(tmpdir(), 'detdistill-evaluate-'));
    const data = join(work, 'data');
    const measureInto = async (report: string): Promise<Report> => {
      await gather(data, { dataset, classes, ...context });
      await runJob(
        { kind: 'evaluate', model: folder, dataset: data, batchSize: BATCH, folder: report },
        context,
      );
      return readReport(report);
    };
    try {
      return await (out === undefined ? measureInto(join(work, 'report')) : fillFolder(out, measureInto));
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

async function gather(
  outFolder: string,
  {
    dataset,
    classes,
    settings,
    terminal,
  }: { dataset: string; classes: string[]; settings: Settings; terminal: Terminal },
): Promise<void> {
  const train = isBucketAddress(dataset) ? dataset : resolve(dataset);
  const named = Data.parse({ train, classes, do_data_cleaning: false });
  await mkdir(outFolder);
  const { onProgress, end } = await showStage(terminal);
  try {
    const data = await localData(named, { ...settings, onProgress });
    await cleanDataset({ data, outFolder, evaluationOnly: true, onProgress });
  } finally {
    end();
  }
}
