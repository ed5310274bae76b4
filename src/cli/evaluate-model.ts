import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Data, EVAL_BATCH_SIZE } from '../config/run.js';
import { localData } from '../data/bucket.js';
import { cleanDataset } from '../data/cleaning/clean.js';
import { readModelCard } from '../formats/model-card.js';
import { readReport, type Report } from '../formats/report.js';
import type { Settings } from '../settings.js';
import { fillFolder } from '../files/atomic.js';
import { withTemporaryFolder } from '../files/temporary-folder.js';
import { isBucketAddress } from '../store/bucket.js';
import { showStage } from './progress/stage.js';
import type { Terminal } from './terminal.js';
import { runJob } from './trainer-job.js';
import { withModel } from './with-model.js';

interface Options {
  readonly model: string;
  readonly dataset: string;
  /** The folder that receives the report; undefined: the report is not kept. */
  readonly out: string | undefined;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

/** Evaluates a model on a data set as it is labelled: nothing is repaired, an unreadable file is an error. */
export function evaluateModel({ model, dataset, out, ...context }: Options): Promise<Report> {
  return withModel(model, context, async folder => {
    const { classes } = await readModelCard(folder);
    return withTemporaryFolder('detdistill-evaluate-', work => {
      const data = join(work, 'data');
      const evaluateInto = async (report: string): Promise<Report> => {
        await prepareData(data, { dataset, classes, ...context });
        await runJob(
          { kind: 'evaluate', model: folder, dataset: data, batchSize: EVAL_BATCH_SIZE, folder: report },
          context,
        );
        return readReport(report);
      };
      return out === undefined ? evaluateInto(join(work, 'report')) : fillFolder(out, evaluateInto);
    });
  });
}

interface DataOptions extends Pick<Options, 'dataset' | 'settings' | 'terminal'> {
  readonly classes: string[];
}

async function prepareData(
  outFolder: string,
  { dataset, classes, settings, terminal }: DataOptions,
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
