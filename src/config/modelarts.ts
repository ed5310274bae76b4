import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { errors } from '../errors/index.js';
import { closest } from './closest.js';
import { defaultOf } from './describe-key.js';
import { MODEL_NAMES, type ModelName } from './families.js';
import { describeIssues } from './issues.js';
import { Distillation, Hparams, RunConfig } from './run.js';

const TRUTHS = ['True', 'true', '1', 'yes', 'Yes'];
const UNTRUTHS = ['False', 'false', '0', 'no', 'No', ''];

/** A Python boolean; YAML parses some of the texts as booleans. */
const Bool = z.union([
  z.boolean(),
  z.enum([...TRUTHS, ...UNTRUTHS]).transform(text => TRUTHS.includes(text)),
]);
const Count = z.coerce.number().int().positive();
const Weight = z.coerce.number().min(0);

const { soft_cls_loss, soft_box_loss } = Distillation.shape;
/** The default is the one of a run, and applies only if the weight is no hparam either. */
const weightOf = (what: string, ofRun: z.ZodType) =>
  Weight.optional().describe(`loss weight of the teacher's ${what}; default: ${String(defaultOf(ofRun))}`);

/** The parameters of ModelArts' EfficientDet with its names and defaults. `parseHparams` reads the hparams. */
export const ModelArtsParameters = z.strictObject({
  data_url: z.string().min(1).describe('data set'),
  train_url: z.string().min(1).describe('output folder'),
  mode: z
    .enum(['train', 'train_and_eval'])
    .default('train')
    .describe('train, or train_and_eval: evaluate after every epoch'),
  model_name: z.enum(MODEL_NAMES).describe('efficientdet-d0 … d7, t0 … t2'),
  train_batch_size: Count.default(8).describe('batch size of the training, per GPU'),
  eval_batch_size: Count.default(8).describe('batch size of the evaluation'),
  num_epochs: Count.default(100).describe('number of epochs'),
  do_data_cleaning: Bool.default(true).describe('repair the data set before training'),
  /** The text of ModelArts, or values by name. */
  hparams: z
    .union([z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))])
    .default('moving_average_decay=0')
    .describe('hyperparameters without blanks; must contain moving_average_decay=0'),
  deps_save_path: z
    .string()
    .min(1)
    .optional()
    .describe('folder for a copy of the evaluation and the suggestions'),
  export_teacher_model: Bool.default(false).describe('the model will be the teacher of another one'),
  checkpoint_url: z
    .string()
    .min(1)
    .optional()
    .describe('weights to start from: an earlier version of the model'),
  teacher_model_url: z.string().min(1).optional().describe('model folder of a trained teacher'),
  use_offline_kd: Bool.default(false).describe('learn from that teacher'),
  use_online_kd: Bool.default(false).describe(
    't0, t1, t2: learn from a larger branch trained at the same time',
  ),
  soft_cls_loss: weightOf('class predictions', soft_cls_loss),
  soft_box_loss: weightOf('box predictions', soft_box_loss),
});
type Parameters = z.infer<typeof ModelArtsParameters>;
/** Parameters before parsing: keys with defaults are optional. */
export type ModelArtsInput = z.input<typeof ModelArtsParameters>;

export interface ModelArtsJob {
  readonly config: RunConfig;
  /** Settings that are valid but probably unintended, one line each. */
  readonly warnings: readonly string[];
}

/** Distillation weights are accepted among the hparams, too. */
const SOFT = ['soft_cls_loss', 'soft_box_loss'] as const;
const HPARAM_NAMES = [...Object.keys(Hparams.shape), ...SOFT];
/** The student and teachers that the original supports: anchors or sizes of other models do not match there. */
const OFFLINE_STUDENT = 'efficientdet-d0';
const OFFLINE_TEACHERS = /^efficientdet-d[2-6]$/;
const OFFLINE_TEACHER_NAMES = 'efficientdet-d2 to efficientdet-d6';

/**
 * Converts a ModelArts job into a run.
 * @param values by parameter name, texts as a console passes them
 * @param teacher the model_name of the model at teacher_model_url; null: unknown
 * @throws one error that lists everything wrong
 */
export function parseModelArts(
  values: Readonly<Record<string, unknown>>,
  source: string,
  teacher: ModelName | null = null,
): ModelArtsJob {
  const parsed = ModelArtsParameters.safeParse(values, { reportInput: true });
  if (!parsed.success) throw errors.configInvalid(source, describeIssues(parsed.error, ModelArtsParameters));
  const job = parsed.data;
  const issues: string[] = [];
  const { hparams, soft } = parseHparams(job.hparams, issues);
  issues.push(...conflictsOf(job, teacher));
  const run = RunConfig.safeParse(runOf(job, { hparams, soft }), { reportInput: true });
  if (!run.success) issues.push(...describeIssues(run.error, RunConfig));
  if (issues.length > 0 || !run.success) throw errors.configInvalid(source, issues);
  return { config: run.data, warnings: [...warningsOf(run.data, { hparams, job })] };
}

type Values = Record<string, unknown>;
interface ParsedHparams {
  readonly hparams: Values;
  /** The distillation weights among the hparams. */
  readonly soft: Values;
}

/** The run of a job, not validated yet. */
const runOf = (job: Parameters, { hparams, soft }: ParsedHparams): object => ({
  name: nameOf(job.train_url),
  mode: job.mode,
  data: { train: job.data_url, do_data_cleaning: job.do_data_cleaning },
  student: {
    model_name: job.model_name,
    train_batch_size: job.train_batch_size,
    eval_batch_size: job.eval_batch_size,
    num_epochs: job.num_epochs,
    ...(job.checkpoint_url !== undefined && { pretrained: job.checkpoint_url }),
    hparams,
  },
  distillation: {
    use_offline_kd: job.use_offline_kd,
    use_online_kd: job.use_online_kd,
    // Using both kinds is reported by `conflictsOf`; a teacher would add a second message.
    teacher_model_url: job.use_offline_kd && !job.use_online_kd ? job.teacher_model_url : null,
    ...soft,
    ...(job.soft_cls_loss !== undefined && { soft_cls_loss: job.soft_cls_loss }),
    ...(job.soft_box_loss !== undefined && { soft_box_loss: job.soft_box_loss }),
  },
  train_url: job.train_url,
  deps_save_path: job.deps_save_path ?? null,
});

/** @param issues receives what is wrong */
function parseHparams(given: Parameters['hparams'], issues: string[]): ParsedHparams {
  const values = typeof given === 'string' ? splitHparams(given, issues) : given;
  const [hparams, soft]: [Values, Values] = [{}, {}];
  for (const [key, value] of Object.entries(values)) {
    if (!HPARAM_NAMES.includes(key))
      issues.push(`hparams: unknown key ${key}; did you mean ${closest(key, HPARAM_NAMES)}?`);
    else (SOFT.some(name => name === key) ? soft : hparams)[key] = value;
  }
  return { hparams, soft };
}

/** Parses `key=value,key=value` without blanks. @param issues receives what is wrong */
function splitHparams(text: string, issues: string[]): Values {
  const values: Values = {};
  if (/\s/.test(text))
    issues.push(`hparams: ${JSON.stringify(text)} contains blanks; the form is key=value,key=value`);
  for (const pair of text.split(',').filter(Boolean)) {
    const [, key = pair, value] = /^([^=]*)=(.*)$/.exec(pair.trim()) ?? [];
    if (value === undefined) issues.push(`hparams: ${JSON.stringify(pair)} has no "="`);
    else values[key] = valueOf(value);
  }
  if (values.moving_average_decay !== 0)
    issues.push('hparams: must contain moving_average_decay=0, as in the original');
  return values;
}

function valueOf(text: string): unknown {
  if (TRUTHS.slice(0, 2).includes(text)) return true;
  if (UNTRUTHS.slice(0, 2).includes(text)) return false;
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Combinations of parameters that contradict each other. */
function* conflictsOf(job: Parameters, teacher: ModelName | null): Generator<string> {
  const { model_name, teacher_model_url: url, use_offline_kd, use_online_kd, export_teacher_model } = job;
  if (use_offline_kd && use_online_kd)
    yield 'use_offline_kd, use_online_kd: both are True; only one of them is allowed';
  if (use_offline_kd && model_name !== OFFLINE_STUDENT)
    yield `model_name: ${model_name} cannot learn offline from a teacher; allowed: ${OFFLINE_STUDENT}`;
  if (use_offline_kd && url === undefined)
    yield 'teacher_model_url: must name the model folder of a trained teacher, for example .../teacher/model';
  if (use_offline_kd && teacher !== null && !OFFLINE_TEACHERS.test(teacher))
    yield `teacher_model_url: ${teacher} cannot be a teacher; allowed: ${OFFLINE_TEACHER_NAMES}`;
  if (!use_offline_kd && url !== undefined)
    yield 'use_offline_kd: must be True if teacher_model_url names a teacher';
  if (export_teacher_model && !OFFLINE_TEACHERS.test(model_name))
    yield `export_teacher_model: ${model_name} cannot be a teacher; allowed: ${OFFLINE_TEACHER_NAMES}`;
}

function* warningsOf(
  { student }: RunConfig,
  { hparams: given, job }: { hparams: Values; job: Parameters },
): Generator<string> {
  const { num_epochs, hparams } = student;
  if (job.use_online_kd && job.checkpoint_url === undefined)
    yield 'use_online_kd: checkpoint_url is missing, so distillation starts only after the first tenth of the steps';
  for (const key of ['first_lr_drop_epoch', 'second_lr_drop_epoch'] as const) {
    if (!(key in given)) continue;
    if (hparams.lr_decay_method !== 'stepwise')
      yield `hparams: ${key} has no effect: lr_decay_method is ${hparams.lr_decay_method}, not stepwise`;
    else if (hparams[key] >= num_epochs)
      yield `hparams: ${key}=${hparams[key]} is never reached in ${num_epochs} epochs`;
  }
}

/** The name of a run: the last folder of its output path, with its parent if the last one is generic. */
function nameOf(trainUrl: string): string {
  const path = trainUrl.replace(/\/+$/, '');
  const plain = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '');
  const last = plain(basename(path));
  const named = /^(v?\d+|output|train|model|)$/.test(last) ? [plain(basename(dirname(path))), last] : [last];
  return named.filter(Boolean).join('-') || 'modelarts';
}
