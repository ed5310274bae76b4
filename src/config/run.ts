import { z } from 'zod';
import { errors } from '../errors/index.js';
import { Cleaning } from './cleaning.js';
import { describeIssues } from './issues.js';
import { ASPECT_RATIOS, familyOf, MODEL_NAMES, type ModelName } from './families.js';

/** The model whose anchors are assumed where no model is named. */
export const DEFAULT_MODEL: ModelName = 'efficientdet-d0';
export const EVAL_BATCH_SIZE = 8;

/** Width / height, or the factors [width, height] themselves. */
const AspectRatio = z.union([z.number().positive(), z.tuple([z.number().positive(), z.number().positive()])]);

/** Three ratios, because the heads predict three anchors per scale. */
export const AspectRatios = z.tuple([AspectRatio, AspectRatio, AspectRatio]).default([...ASPECT_RATIOS]);

/** Non-maximum suppression: google/automl's `nms_configs`, and whether classes are suppressed separately. */
export const NmsConfigs = z.strictObject({
  /** hard: removes boxes that overlap a better detection; gaussian: lowers their scores by exp(-IoU² / sigma). */
  method: z.enum(['hard', 'gaussian']).default('hard'),
  /** true: only boxes of the same class suppress each other; false: the best class of each anchor, all against all. */
  per_class: z.boolean().default(true),
  /** Overlap above which the hard method removes a box. */
  iou_thresh: z.number().min(0).max(1).default(0.5),
  /** Width of the gaussian method. */
  sigma: z.number().positive().default(0.5),
  /** Low, as COCO's metrics count many improbable detections. */
  score_thresh: z.number().min(0).max(1).default(0.001),
  /** gaussian with per_class: the number of best-scoring candidates of all anchors and classes; 0: all. */
  max_nms_inputs: z.int().min(0).default(5000),
  max_output_size: z.int().positive().default(100),
});
export type NmsConfigs = z.infer<typeof NmsConfigs>;

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Hyperparameters with google/automl's names and defaults (`hparams_config.py`); modelarts.ts has ModelArts' form. */
const HparamFields = z.strictObject({
  label_smoothing: z.number().min(0).max(0.5).default(0),
  box_loss_weight: z.number().min(0).default(50),
  /** At batch 64; multiplied by batch / 64. */
  learning_rate: z.number().positive().default(0.08),
  /** Multiplied by batch / 64 like the learning rate. */
  lr_warmup_init: z.number().min(0).default(0.008),
  lr_warmup_epoch: z.number().min(0).default(1),
  first_lr_drop_epoch: z.number().positive().default(200),
  second_lr_drop_epoch: z.number().positive().default(250),
  lr_decay_method: z.enum(['cosine', 'stepwise', 'polynomial', 'constant']).default('cosine'),
  moving_average_decay: z.number().min(0).lt(1).default(0),
  momentum: z.number().min(0).lt(1).default(0.9),
  clip_gradients_norm: z.number().positive().default(10),
  weight_decay: z.number().min(0).default(4e-5),
  /** Focal loss. */
  alpha: z.number().min(0).max(1).default(0.25),
  gamma: z.number().min(0).default(1.5),
  /** Huber loss. */
  delta: z.number().positive().default(0.1),
  /** An overlap loss of predicted and labelled boxes, in addition to the Huber loss of their codes. */
  iou_loss_type: z.enum(['none', 'iou', 'giou', 'diou', 'ciou']).default('none'),
  iou_loss_weight: z.number().min(0).default(1),
  /** Aspect ratios of the anchors. Weights published before 2020-09 were trained with [1.0, [1.4, 0.7], [0.7, 1.4]]. */
  aspect_ratios: AspectRatios,
  nms_configs: z.prefault(NmsConfigs, {}),
  input_rand_hflip: z.boolean().default(true),
  /** Random scale, as a factor of the size that just fits the network input. */
  jitter_min: z.number().positive().default(0.1),
  jitter_max: z.number().positive().default(2),
  /** Multiplies every channel by its own factor from U(1 - x, 1 + x), which imitates different lighting. */
  color_jitter: z.number().min(0).max(1).default(0),
  /** A box of which the crop leaves a smaller share is ignored: neither object nor background. 0: every part is an object. */
  min_visibility: z.number().min(0).max(1).default(0.25),
  /** Of more visible boxes in an image, the first ones are trained on and the others ignored; null: no limit. */
  max_instances_per_image: z.int().positive().nullable().default(null),
  /**
   * The part whose batch norms keep their moving statistics in training. For batches of one or two images, whose own statistics are
   * too noisy, and for backbones that `var_freeze_expr` keeps.
   */
  frozen_batch_norm: z.enum(['none', 'backbone', 'all']).default('none'),
  /** Regular expression, anchored at the start: variables that are not trained. */
  var_freeze_expr: z
    .string()
    .refine(isRegularExpression, 'is no regular expression')
    .nullable()
    .default(null),
});
export const Hparams = HparamFields.superRefine(({ jitter_min, jitter_max }, context) => {
  if (jitter_min > jitter_max)
    context.addIssue({
      code: 'custom',
      path: ['jitter_min'],
      message: `must not be larger than jitter_max, which is ${jitter_max}`,
      input: jitter_min,
    });
});
export type Hparams = z.infer<typeof Hparams>;

const TrainingFields = z.strictObject({
  model_name: z.enum(MODEL_NAMES),
  /** [height, width] of the network input in pixels, or one number for both; default: the family's. */
  image_size: z.union([z.int().min(32), z.tuple([z.int().min(32), z.int().min(32)])]).optional(),
  train_batch_size: z.int().positive().default(8),
  eval_batch_size: z.int().positive().default(EVAL_BATCH_SIZE),
  num_epochs: z.int().positive().default(100),
  /** Epochs from one evaluation to the next, where `mode` is train_and_eval. */
  map_freq: z.int().positive().default(1),
  /** The most images that an evaluation while training takes, drawn once; the finished model is measured on all. */
  eval_samples: z.int().positive().default(5000),
  /** coco: published detector weights; imagenet: backbone weights; none: random; run:NAME: a finished run; else a path. */
  pretrained: z.string().default('coco'),
  /** Precision of convolutions in training; auto: bfloat16 on CPUs that support it. Everything else is float32. */
  precision: z.enum(['auto', 'float32', 'bfloat16']).default('auto'),
  /** A checkpoint is committed at least this often. */
  checkpoint_interval_seconds: z.number().positive().default(300),
  hparams: z.prefault(Hparams, {}),
});

/** The training of one detector. After parsing, image_size is always [height, width]. */
export const Training = TrainingFields.transform(({ image_size, ...rest }) => {
  const size = image_size ?? familyOf(rest.model_name).imageSize;
  return { ...rest, image_size: (typeof size === 'number' ? [size, size] : size) as [number, number] };
});
export type Training = z.infer<typeof Training>;

export const Data = z.strictObject({
  /** Folder or file of the training data set. */
  train: z.string().min(1),
  /** Folder or file of the evaluation data set; null: a fifth of `train`, selected by hash. */
  eval: z.string().min(1).nullable().default(null),
  /** Folder or file of the test data set, which chooses nothing; null: the test split of `train`, if it has one. */
  test: z.string().min(1).nullable().default(null),
  format: z.enum(['auto', 'coco', 'manifest', 'voc', 'yolo']).default('auto'),
  /** Class names in the order of their ids; null: all names in the data set, sorted. */
  classes: z.array(z.string().min(1)).min(1).nullable().default(null),
  do_data_cleaning: z.boolean().default(true),
  cleaning: z.prefault(Cleaning, {}),
  /** Images without annotations: background, or excluded; auto: background in YOLO data sets, where they mean that. */
  unlabelled: z.enum(['auto', 'background', 'exclude']).default('auto'),
});
export type Data = z.infer<typeof Data>;

const SoftWeight = z.union([z.number().min(0), z.literal('auto')]).default('auto');

export const Distillation = z.strictObject({
  /** Distil from a trained teacher; no effect without a teacher. */
  use_offline_kd: z.boolean().default(true),
  /** Distil from a larger branch on the student's backbone, which is trained with the student and then dropped. */
  use_online_kd: z.boolean().default(false),
  /** The model folder of a trained teacher; null: the run trains `teacher`, if there is one. */
  teacher_model_url: z.string().min(1).nullable().default(null),
  /** Weights of the two distillation terms; auto: 2 and 200, less while the term would be above 5. 0 removes a term. */
  soft_cls_loss: SoftWeight,
  soft_box_loss: SoftWeight,
  /**
   * The number of fixed augmented views of every image, used in turn, one per epoch. Teacher outputs are computed once per
   * view and cached for the top 1 % of anchors. 0: every epoch has a new view, and the teacher runs on every batch.
   */
  teacher_views: z.int().min(0).default(0),
});
export type Distillation = z.infer<typeof Distillation>;
/** The loss weights of the teacher's outputs. */
export type SoftWeights = Pick<Distillation, 'soft_cls_loss' | 'soft_box_loss'>;

/** The students that ModelArts allows online distillation for: a branch of D0's size is larger than these models. */
const ONLINE_STUDENTS: readonly string[] = ['efficientdet-t0', 'efficientdet-t1', 'efficientdet-t2'];

/** The settings that determine a detector's anchors at a given input size. */
const anchorsOf = ({ model_name, hparams }: Training): Record<string, string> => {
  const { anchorScale, minLevel, maxLevel } = familyOf(model_name);
  return {
    'anchor scale': String(anchorScale),
    levels: `${minLevel} to ${maxLevel}`,
    aspect_ratios: JSON.stringify(hparams.aspect_ratios),
  };
};

export const RunConfig = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens'),
    seed: z.int().min(0).default(1),
    /** train: one evaluation at the end; train_and_eval: one after every `map_freq` epochs. */
    mode: z.enum(['train', 'train_and_eval']).default('train'),
    data: Data,
    /** null: the run trains no teacher. */
    teacher: Training.nullable().default(null),
    student: Training,
    distillation: z.prefault(Distillation, {}),
    /** Output folder of the run; null: runs/NAME under DETDISTILL_HOME. */
    train_url: z.string().nullable().default(null),
    /** Folder for the evaluation and suggestion files; null: the output folder. */
    deps_save_path: z.string().nullable().default(null),
  })
  .superRefine(({ teacher, student, distillation }, context) => {
    const { teacher_model_url: url } = distillation;
    if (teacher !== null && url !== null)
      context.addIssue({
        code: 'custom',
        path: ['distillation', 'teacher_model_url'],
        message: 'conflicts with teacher, which the run would train; remove one of the two',
        input: url,
      });
    const refuseOnline = (message: string): void =>
      context.addIssue({ code: 'custom', path: ['distillation', 'use_online_kd'], message });
    if (distillation.use_online_kd && !ONLINE_STUDENTS.includes(student.model_name))
      refuseOnline(`${student.model_name} cannot learn online; allowed: ${ONLINE_STUDENTS.join(', ')}`);
    if (distillation.use_online_kd && (teacher !== null || url !== null))
      refuseOnline(
        'conflicts with the teacher: a student learns either online or offline; remove the teacher',
      );
    if (distillation.use_online_kd && distillation.teacher_views > 0)
      context.addIssue({
        code: 'custom',
        path: ['distillation', 'teacher_views'],
        message:
          'conflicts with use_online_kd, as the outputs of a branch in training cannot be cached; remove it',
        input: distillation.teacher_views,
      });
    if (teacher === null || !distillation.use_offline_kd) return;
    const own = anchorsOf(student);
    for (const [what, value] of Object.entries(anchorsOf(teacher)))
      if (value !== own[what])
        context.addIssue({
          code: 'custom',
          path: ['teacher', 'model_name'],
          message:
            `the anchors of ${teacher.model_name} have ${what} ${value}, those of the student ${student.model_name} ${own[what]!}; ` +
            'use models with the same anchors, or set distillation.use_offline_kd to false',
        });
  });
export type RunConfig = z.infer<typeof RunConfig>;
/** A run before parsing: keys with defaults are optional. */
export type RunInput = z.input<typeof RunConfig>;

/** Parses the configuration of a run. Fills in every default. @throws one error that lists everything wrong */
export function parseRunConfig(value: unknown, source: string): RunConfig {
  const result = RunConfig.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw errors.configInvalid(source, describeIssues(result.error, RunConfig));
}
