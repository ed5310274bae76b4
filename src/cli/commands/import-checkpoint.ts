import { resolve } from 'node:path';
import { errors } from '../../errors/index.js';
import type { ImportInput, ImportReport } from '../../formats/imported-weights.js';
import { COCO_LABELS } from '../../formats/coco-labels.js';
import { defineCommand, flag, needed, optional } from '../command.js';
import { modelNamed } from '../model-name.js';

const options = {
  model_name: needed('name', 'model that the checkpoint was saved from, for example efficientdet-d2'),
  num_classes: optional('n', `number of classes, unless --classes is given; default: ${COCO_LABELS.length}`),
  classes: optional('a,b,…', 'class names in order; default: those found with the checkpoint'),
  image_size: optional('HxW', "size of the network input in pixels; default: the model's own"),
  out: needed('dir', 'output folder of the model'),
  strict: flag('fail if a tensor is missing, unused or has a different shape'),
};

export const importCheckpoint = defineCommand({
  name: 'import-checkpoint',
  args: '<checkpoint>',
  summary: 'convert a google/automl checkpoint into a model that predicts and can be deployed',
  notes: `CHECKPOINT is a prefix such as efficientdet-d2/model, a folder with one checkpoint, a Keras HDF5 file or a PyTorch
state file. If the checkpoint has moving averages of its variables, these are imported.`,
  options,
  json: true,
  async act({ args: [named = ''], options: given, settings, terminal }) {
    const [{ fillFolder }, { runJob }] = await Promise.all([
      import('../../files/atomic.js'),
      import('../trainer-job.js'),
    ]);
    const input: ImportInput = {
      checkpoint: resolve(named),
      model_name: modelNamed(given.model_name),
      num_classes: given.num_classes === undefined ? COCO_LABELS.length : wholeNumber(given.num_classes),
      classes: given.classes?.split(',').map(name => name.trim()) ?? null,
      image_size: given.image_size === undefined ? null : sizeOf(given.image_size),
      strict: given.strict,
    };
    const report = await fillFolder(given.out, folder =>
      runJob({ kind: 'import', input, folder }, { settings, terminal }),
    );
    terminal.result({ ...report, out: resolve(given.out) }, () => describe(report, given.out));
  },
});

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw errors.usageWrong(
    `--num_classes ${text}: not a number of classes`,
    'allowed: whole numbers from 1 on',
  );
}

function sizeOf(text: string): readonly [number, number] {
  const [, height, width = height] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  const size = [Number(height), Number(width)] as const;
  if (size.every(side => side >= 32)) return size;
  throw errors.usageWrong(
    `--image_size ${text}: not a size`,
    'allowed: HEIGHTxWIDTH in pixels, each at least 32, for example 512x768',
  );
}

function describe({ adopted, missing, mismatched, extra, classes }: ImportReport, out: string): string {
  const shapes = mismatched.map(
    ({ name, expected, found }) => `${name}: found [${found.join(', ')}], expected [${expected.join(', ')}]`,
  );
  return [
    `Written to ${out}: ${adopted} tensors, ${classes.length} classes`,
    ...section('Missing, newly initialised', missing),
    ...section('Different shape, newly initialised', shapes),
    ...section('Unused', extra),
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
