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

/** Three, because the heads have three a scale. */
export const AspectRatios = z.tuple([AspectRatio, AspectRatio, AspectRatio]).default([...ASPECT_RATIOS]);

/** What is kept of an image's answers: google/automl's `nms_configs`, and whether classes are told apart. */
export const NmsConfigs = z.strictObject({
  /** hard: what overlaps a better detection goes; gaussian: its score is lowered, by exp(-IoU² / sigma). */
  method: z.enum(['hard', 'gaussian']).default('hard'),
  /** Only what is of one class suppresses each other; false: of each anchor the best class, all against all. */
  per_class: z.boolean().default(true),
  /** Of the hard method. */
  iou_thresh: z.number().min(0).max(1).default(0.5),
  /** Of the gaussian one. */
  sigma: z.number().positive().default(0.5),
  /** COCO's metrics want many detections, even improbable ones. */
  score_thresh: z.number().min(0).max(1).default(0.001),
  /** Of the gaussian method with per_class: how many of all anchors and classes are looked at, the best ones; 0: all. */
  max_nms_inputs: z.int().min(0).default(5000),
  max_output_size: z.int().positive().default(100),
});
export type NmsConfigs = z.infer<typeof NmsConfigs>;

/** google/automl's names and defaults (`hparams_config.py`); ModelArts' form is in modelarts.ts. */
export const Hparams = z.strictObject({
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
  /** A loss of how predicted and labelled boxes overlap, besides Huber's of their codes. */
  iou_loss_type: z.enum(['none', 'iou', 'giou', 'diou', 'ciou']).default('none'),
  iou_loss_weight: z.number().min(0).default(1),
  /** Of the anchors. Weights published before 2020-09 were trained with [1.0, [1.4, 0.7], [0.7, 1.4]]. */
  aspect_ratios: AspectRatios,
  nms_configs: z.prefault(NmsConfigs, {}),
  input_rand_hflip: z.boolean().default(true),
  /** Random scale, as a factor of the size that just fits the network input. */
  jitter_min: z.number().positive().default(0.1),
  jitter_max: z.number().positive().default(2),
  /** Multiplies every channel by a factor of its own from U(1 - x, 1 + x): the light of other places and hours. */
  color_jitter: z.number().min(0).max(1).default(0),
  max_instances_per_image: z.int().positive().default(100),
  /** Regular expression, anchored at the start: variables that are not trained. */
  var_freeze_expr: z.string().nullable().default(null),
});
export type Hparams = z.infer<typeof Hparams>;

const TrainingFields = z.strictObject({
  model_name: z.enum(MODEL_NAMES),
  /** [height, width] of the network input in pixels, or one number for both; default: the family's. */
  image_size: z.union([z.int().min(32), z.tuple([z.int().min(32), z.int().min(32)])]).optional(),
  train_batch_size: z.int().positive().default(8),
  eval_batch_size: z.int().positive().default(EVAL_BATCH_SIZE),
  num_epochs: z.int().positive().default(100),
  /** coco: published detector weights; imagenet: the backbone only; none: random; else the path of a checkpoint. */
  pretrained: z.string().default('coco'),
  /** Of the convolutions of a training step; auto: bfloat16 on CPUs that multiply it. Everything else is float32. */
  precision: z.enum(['auto', 'float32', 'bfloat16']).default('auto'),
  /** A checkpoint is committed at least this often. */
  checkpoint_interval_seconds: z.number().positive().default(300),
  hparams: z.prefault(Hparams, {}),
});

/** How one detector is trained; image_size is always [height, width] once parsed. */
export const Training = TrainingFields.transform(({ image_size, ...rest }) => {
  const size = image_size ?? familyOf(rest.model_name).imageSize;
  return { ...rest, image_size: (typeof size === 'number' ? [size, size] : size) as [number, number] };
});
export type Training = z.infer<typeof Training>;

export const Data = z.strictObject({
  /** Folder or file of the data set to train on. */
  train: z.string().min(1),
  /** Folder or file of the data set to evaluate on; null: a fifth of `train`, chosen by hash. */
  eval: z.string().min(1).nullable().default(null),
  format: z.enum(['auto', 'coco', 'manifest', 'voc', 'yolo']).default('auto'),
  /** Class names in the order of their ids; null: the names found, sorted. */
  classes: z.array(z.string().min(1)).min(1).nullable().default(null),
  do_data_cleaning: z.boolean().default(true),
  cleaning: z.prefault(Cleaning, {}),
  /** What an image without any annotation is: background, or not used. */
  unlabelled: z.enum(['background', 'exclude']).default('exclude'),
});
export type Data = z.infer<typeof Data>;

export const Distillation = z.strictObject({
  /** From a teacher that is trained already; without one it has no effect. */
  use_offline_kd: z.boolean().default(true),
  /** From a heavier branch on the student's own backbone, trained with it and dropped afterwards. */
  use_online_kd: z.boolean().default(false),
  /** The model folder of a teacher that is trained already; null: `teacher` is trained, where there is one. */
  teacher_model_url: z.string().min(1).nullable().default(null),
  /** Weights of the two distillation terms; 0 switches a term off. */
  soft_cls_loss: z.number().min(0).default(2),
  soft_box_loss: z.number().min(0).default(200),
  /**
   * Every image has so many augmented views, shown in turn, one an epoch; the teacher answers each of them once, for the hundredth
   * of the anchors where it sees most. 0: an image is another one in every epoch, and the teacher answers every batch for all anchors.
   */
  teacher_views: z.int().min(0).default(0),
});
export type Distillation = z.infer<typeof Distillation>;
/** What the answers of a teacher weigh. */
export type SoftWeights = Pick<Distillation, 'soft_cls_loss' | 'soft_box_loss'>;

/** Those that ModelArts lets learn online: as small as they are, a branch of D0's size is heavier than their own. */
const ONLINE_STUDENTS: readonly string[] = ['efficientdet-t0', 'efficientdet-t1', 'efficientdet-t2'];

/** What tells whether two detectors answer for the same anchors, at one input size. */
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
    /** train: one evaluation at the end; train_and_eval: one after every epoch. */
    mode: z.enum(['train', 'train_and_eval']).default('train'),
    data: Data,
    /** null: nothing is distilled. */
    teacher: Training.nullable().default(null),
    student: Training,
    distillation: z.prefault(Distillation, {}),
    /** Output folder of the run; null: runs/NAME under DETDISTILL_HOME. */
    train_url: z.string().nullable().default(null),
    /** Receives the evaluation and suggestion files; null: the output folder. */
    deps_save_path: z.string().nullable().default(null),
  })
  .superRefine(({ teacher, student, distillation }, context) => {
    const { teacher_model_url: url } = distillation;
    if (teacher !== null && url !== null)
      context.addIssue({
        code: 'custom',
        path: ['distillation', 'teacher_model_url'],
        message: 'there is a teacher to be trained, too; leave out one of the two',
        input: url,
      });
    const refuseOnline = (message: string): void =>
      context.addIssue({ code: 'custom', path: ['distillation', 'use_online_kd'], message });
    if (distillation.use_online_kd && !ONLINE_STUDENTS.includes(student.model_name))
      refuseOnline(`${student.model_name} cannot learn online; allowed: ${ONLINE_STUDENTS.join(', ')}`);
    if (distillation.use_online_kd && (teacher !== null || url !== null))
      refuseOnline(
        'there is a teacher, too, and a student learns in one of the two ways; leave out the teacher',
      );
    if (distillation.use_online_kd && distillation.teacher_views > 0)
      context.addIssue({
        code: 'custom',
        path: ['distillation', 'teacher_views'],
        message:
          'a branch that learns answers otherwise every time; leave it out where use_online_kd is true',
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
            'a student learns from answers for its own anchors: take models that share them, or set distillation.use_offline_kd to false',
        });
  });
export type RunConfig = z.infer<typeof RunConfig>;
/** As people write it: with what differs from the defaults. */
export type RunInput = z.input<typeof RunConfig>;

/** The one gate: a typed value with every default filled, or one error that lists everything wrong with it. */
export function parseRunConfig(value: unknown, source: string): RunConfig {
  const result = RunConfig.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw errors.configInvalid(source, describeIssues(result.error, RunConfig));
}
