import { resolve } from 'node:path';
import { errors } from '../../errors/index.js';
import type { ImportInput, ImportReport } from '../../formats/imported-weights.js';
import { defineCommand, flag, needed, optional } from '../command.js';
import { modelNamed } from '../model-name.js';

const options = {
  model_name: needed('name', 'the network that it was saved from, as in efficientdet-d2'),
  num_classes: optional('n', 'outputs of its class head; 90 where neither this nor --classes is given'),
  classes: optional('a,b,…', 'their names, in order; known ones are found beside the checkpoint'),
  image_size: optional('HxW', "network input in pixels; default: the model's own"),
  out: needed('dir', 'the model folder'),
  strict: flag('whatever is missing, of another shape or not needed is an error'),
};

export const importCheckpoint = defineCommand({
  name: 'import-checkpoint',
  args: '<checkpoint>',
  summary: 'a google/automl checkpoint as a model that predicts and can be deployed',
  notes: `CHECKPOINT is a prefix, as in efficientdet-d2/model; a folder with one checkpoint; a Keras HDF5 file; or a
PyTorch state file. Moving averages stand in for the variables that they average.`,
  options,
  json: true,
  async act({ args: [named], options: given, settings, terminal }) {
    const [{ fillFolder }, { runJob }] = await Promise.all([
      import('../../files/atomic.js'),
      import('../trainer-job.js'),
    ]);
    const input: ImportInput = {
      checkpoint: resolve(named!),
      model_name: modelNamed(given.model_name),
      num_classes: given.num_classes === undefined ? COCO_CLASSES : wholeNumber(given.num_classes),
      classes: given.classes?.split(',').map(name => name.trim()) ?? null,
      image_size: given.image_size === undefined ? null : sizeOf(given.image_size),
      strict: given.strict,
    };
    const report = await fillFolder(given.out, folder =>
      runJob<ImportReport>({ kind: 'import', input, folder }, { settings, terminal }),
    );
    terminal.result({ ...report, out: resolve(given.out) }, () => describe(report, given.out));
  },
});

const COCO_CLASSES = 90;

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw errors.usageWrong(`--num_classes ${text}: not a number of classes`, 'a whole number from 1 on');
}

function sizeOf(text: string): readonly [number, number] {
  const [, height, width = height] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  const size = [Number(height), Number(width)] as const;
  if (size.every(side => side >= 32)) return size;
  throw errors.usageWrong(
    `--image_size ${text}: not a size`,
    'HEIGHTxWIDTH in pixels from 32 on, as in 512x768',
  );
}

function describe({ adopted, missing, mismatched, extra, classes }: ImportReport, out: string): string {
  const shapes = mismatched.map(
    ({ name, expected, found }) => `${name}: [${found.join(', ')}] there, [${expected.join(', ')}] here`,
  );
  return [
    `Written to ${out}: ${adopted} tensors, ${classes.length} classes`,
    ...section('Missing, so they start fresh', missing),
    ...section('Of another shape, so they start fresh', shapes),
    ...section('Not needed', extra),
  ].join('\n');
}

const SHOWN = 10;

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const rest = lines.length - SHOWN;
  return [
    `\n${title}: ${lines.length}`,
    ...lines.slice(0, SHOWN).map(line => `  ${line}`),
    ...(rest > 0 ? [`  and ${rest} more; --json lists all`] : []),
  ];
}
