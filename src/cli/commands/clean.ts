import { join } from 'node:path';
import { type Data, DEFAULT_MODEL } from '../../config/run.js';
import type { AnchorSetting } from '../../data/cleaning/anchor-fit.js';
import { errors } from '../../errors/index.js';
import { withTemporaryFolder } from '../../files/temporary-folder.js';
import {
  type CleaningFindings,
  type CleaningReport,
  type LedgerEntry,
  shownSplits,
} from '../../formats/cleaning-report.js';
import type { Prediction } from '../../formats/prediction.js';
import type { Settings } from '../../settings.js';
import { defineCommand, flag, MODEL_HELP, optional, several } from '../command.js';
import { modelNamed } from '../model-name.js';
import { alignTable } from '../table.js';

import type { Colours, Terminal } from '../terminal.js';

/** As many findings as fit on a screen; the ledger contains all. */
const SHOWN_FINDINGS = 20;

export const clean = defineCommand({
  name: 'clean',
  args: '<dataset>',
  summary: 'find and repair defects in a data set',
  notes: 'Source files are never modified. A run cleans its data by itself (do_data_cleaning).',
  options: {
    dryRun: flag('only show what would change'),
    out: optional('dir', 'folder for the cleaned data set, its report and the ledger of changes'),
    model: optional('model', `model that reviews the labels: ${MODEL_HELP}`),
    model_name: optional(
      'name',
      `detector whose anchors are compared with the boxes; default: ${DEFAULT_MODEL}`,
    ),
    set: several(
      'key=value',
      'set a key of the data section of a run file, for example cleaning.off=[I07]; repeatable',
    ),
    format: optional(
      'auto|coco|manifest|voc|yolo',
      'format of the data set, if its files do not identify it',
    ),
  },
  json: true,
  async act({
    args: [dataset],
    options: { dryRun, out, format, model, model_name, set },
    settings,
    terminal,
  }) {
    if (!dryRun && out === undefined)
      throw errors.usageWrong('no output folder given', 'add --out DIR, or --dry-run to change nothing');
    const { cleanDataset } = await import('../../data/cleaning/clean.js');
    const { REPORT_PAGE } = await import('../../data/cleaning/report.js');
    const { readCleaningFindings } = await import('../../formats/cleaning-report.js');
    const { fillFolder } = await import('../../files/atomic.js');
    const { showStage } = await import('../progress/stage.js');
    const { localData } = await import('../../data/bucket.js');
    const named = await readOptions({ train: dataset, format }, set);
    const detector = await detectorOf(model_name ?? DEFAULT_MODEL);
    const { onProgress, end } = await showStage(terminal);
    const work = async (outFolder: string): Promise<CleaningFindings> => {
      const data = await localData(named, { ...settings, onProgress });
      await cleanDataset({ data, outFolder, detector, onProgress });
      end();
      if (model !== undefined) await review(outFolder, { model, limits: data.cleaning, settings, terminal });
      return readCleaningFindings(outFolder);
    };
    const { report, ledger } = await (
      dryRun || out === undefined ? withTemporaryFolder('detdistill-clean-', work) : fillFolder(out, work)
    ).finally(end);
    const folder = dryRun ? null : out;
    terminal.result({ report, ledger, folder }, colours =>
      [
        renderReport(report),
        renderLedger(ledger, colours),
        folder ? `Written to ${folder}; open ${join(folder, REPORT_PAGE)}` : 'Nothing was written.',
      ]
        .filter(Boolean)
        .join('\n\n'),
    );
  },
});

async function review(
  folder: string,
  {
    model,
    limits,
    ...context
  }: { model: string; limits: Data['cleaning']; settings: Settings; terminal: Terminal },
): Promise<void> {
  const { withModel } = await import('../with-model.js');
  const { runJob } = await import('../trainer-job.js');
  const { readModelCard } = await import('../../formats/model-card.js');
  const { reviewLabels } = await import('../../data/cleaning/review.js');
  await withModel(model, context, async modelFolder => {
    const { classes } = await readModelCard(modelFolder);
    const predict = (images: readonly string[], minScore: number): Promise<Prediction[]> =>
      runJob({ kind: 'predict', model: modelFolder, images, minScore }, context);
    await reviewLabels({ folder, limits, classes, predict });
  });
}

async function readOptions(
  value: { train?: string; format?: string },
  overrides: readonly string[],
): Promise<Data> {
  const { Data } = await import('../../config/run.js');
  const { describeIssues } = await import('../../config/issues.js');
  const { applyOverride } = await import('../config-file.js');
  const content = { ...value };
  for (const override of overrides) applyOverride(content, override);
  const result = Data.safeParse(content, { reportInput: true });
  if (result.success) return result.data;
  throw errors.configInvalid('clean', describeIssues(result.error, Data));
}

/** The anchors and the input size of a run with default hyperparameters. */
async function detectorOf(named: string): Promise<AnchorSetting> {
  const { Training } = await import('../../config/run.js');
  const { familyOf } = await import('../../config/families.js');
  const { anchorOptions } = await import('../../detection/anchors.js');
  const { model_name, image_size, hparams } = Training.parse({ model_name: modelNamed(named) });
  return { anchors: anchorOptions(familyOf(model_name), hparams.aspect_ratios), imageSize: image_size };
}

/** Shows the cleaned splits and the number of findings of each rule. */
export function renderReport(report: CleaningReport): string {
  const { format, classes, splits, rules, dataset, dropped, changed } = report;
  const found = rules.filter(rule => rule.found > 0);
  const counts = alignTable(
    [
      ['split', 'images', 'boxes'],
      ...shownSplits(report).map(split => [split, String(splits[split].images), String(splits[split].boxes)]),
    ],
    [1, 2],
  );
  const summary = `${format} data set, ${classes.length === 1 ? 'class' : 'classes'} ${classes.join(', ')}`;
  const findings = alignTable(
    found.map(({ id, title, found: times }) => [id, title, String(times)]),
    [2],
  );
  const verdict =
    found.length === 0 ? 'No defects found.' : `${findings}\n${dropped} dropped, ${changed} changed`;
  const overall = dataset.map(({ rule, reason }) => `${rule}  ${reason}`).join('\n');
  return [summary, counts, verdict, overall].filter(Boolean).join('\n\n');
}

export function renderLedger(ledger: readonly LedgerEntry[], { dim }: Pick<Colours, 'dim'>): string {
  const lines = ledger
    .slice(0, SHOWN_FINDINGS)
    .map(({ rule, action, file, reason }) => `${rule} ${action}  ${file}\n    ${dim(reason)}`);
  const rest = ledger.length - lines.length;
  return [...lines, ...(rest > 0 ? [dim(`… and ${rest} more; --json shows all`)] : [])].join('\n');
}
