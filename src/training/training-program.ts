import * as tf from '@tensorflow/tfjs-core';
import { type FamilyRow, familyOf, type ModelName } from '../config/families.js';
import type { Hparams } from '../config/run.js';
import { type AnchorGrid, anchorOptions, createAnchors } from '../detection/anchors.js';
import { detect } from '../detection/detect.js';
import { FROZEN_INPUT, frozenOutput } from '../formats/model-card.js';
import type { Precision } from '../graph/graph.js';
import { inlineGraph } from '../graph/graph-def.js';
import { type InputSpec, ProgramBuilder } from '../graph/program.js';
import { recordingBackend } from '../graph/recording-backend.js';
import type { Variables } from '../graph/variables.js';
import type { Answers } from '../losses/distillation.js';
import { AUXILIARY, auxiliarySpecs } from '../model/auxiliary.js';
import { efficientDet, type Outputs, variableSpecs } from '../model/efficientdet.js';
import { bestAnswers, type BestAnswers, bestAnswersSpecs, guideFrom } from './best-answers.js';
import { PREVIOUS, previousAnswers } from './online.js';
import { answersOf, averagedVariables, type StepInputs, trainStep } from './step.js';

export interface TrainingProgramOptions {
  readonly modelName: ModelName;
  readonly numClasses: number;
  /** [height, width] of the network input. */
  readonly imageSize: readonly [number, number];
  readonly trainBatchSize: number;
  readonly evalBatchSize: number;
  readonly hparams: Hparams;
  /** null: there is none. */
  readonly teacher: FrozenTeacher | null;
  /** Whether a branch teaches while it learns, and whether the version before answers beside it. */
  readonly online: { readonly hasPrevious: boolean } | null;
  /** Of the convolutions of a training step and of all of a frozen teacher; what is evaluated is computed in float32. */
  readonly precision: Precision;
  /** Whether TensorFlow compiles what takes many passes over memory: on processors. */
  readonly compiles: boolean;
}

export interface FrozenTeacher {
  /** The bytes of its graph. */
  readonly frozen: Uint8Array;
  /** `teacher_answers` gives its answers for the best anchors, and a step is fed them; else a step asks itself, for all anchors. */
  readonly isFed: boolean;
}

/**
 * The recorded program that trains: `initialize`, `train_step`, `predict`, `save`, `restore`, `publish`,
 * `values`, `adopt`, of a teacher `probe_teacher` and, where it is fed, `teacher_answers`.
 * The teacher's graph lies in the same program: one session runs both.
 */
export function recordTraining(options: TrainingProgramOptions): ProgramBuilder {
  const { modelName, numClasses, imageSize, hparams } = options;
  const family = familyOf(modelName);
  const anchors = createAnchors(anchorOptions(family, hparams.aspect_ratios), imageSize);
  const specs = variableSpecs({ family, numClasses });
  const builder = new ProgramBuilder();
  const branch = options.online && auxiliarySpecs({ family, numClasses });
  const model = { family, anchors, numClasses, hparams, specs, branch };
  const isFed = options.teacher?.isFed ?? false;
  builder.signature(
    'train_step',
    { ...stepInputs(options, anchors), ...(isFed && answerInputs(options, anchors)) },
    (fed, variables) => {
      const inputs = fed as unknown as StepInputs & BestAnswers;
      const teacher = isFed
        ? guideFrom(inputs)
        : frozenAnswers(builder, options, { images: inputs.images, anchors, variables });
      const { precision, compiles: useXla } = options;
      return builder.graph.withComputeOptions({ precision, useXla }, () =>
        trainStep(model, inputs, { variables, teacher }),
      );
    },
    { countsSteps: true },
  );
  const [height, width] = imageSize;
  const images: InputSpec = { shape: [options.evalBatchSize, height, width, 3], dtype: 'float32' };
  builder.signature('predict', { images }, (fed, variables) => {
    const averaged = averagedVariables(variables, hparams);
    const outputs = efficientDet(fed.images as tf.Tensor4D, {
      family,
      numClasses,
      training: false,
      variables: averaged,
    });
    return { ...detect(outputs, { anchors, numClasses, nms: hparams.nms_configs }) };
  });
  if (isFed) recordAnswers(builder, options, anchors);
  if (options.teacher || options.online?.hasPrevious) recordProbe(builder, options, anchors);
  builder.addInitialize();
  builder.addCheckpointing({ isPublished: name => !isOfTraining(name) });
  builder.addAdoption();
  return builder;
}

/** Of the branch and of the version before: a checkpoint needs them to go on, a detector does not. */
const isOfTraining = (name: string): boolean => name.startsWith(AUXILIARY) || name.startsWith(PREVIOUS);

interface FrozenOptions {
  readonly images: tf.Tensor4D;
  readonly anchors: AnchorGrid;
  readonly variables: Variables;
}

/** The answers of whoever teaches and does not learn; null: nobody. */
function frozenAnswers(
  builder: ProgramBuilder,
  { modelName, numClasses, teacher, online, precision }: TrainingProgramOptions,
  { images, anchors, variables }: FrozenOptions,
): Answers | null {
  const family = familyOf(modelName);
  return builder.graph.withComputeOptions({ precision }, () => {
    if (teacher)
      return answersOf(
        teacherOutputs(builder, teacher.frozen, { images, family, numClasses, anchors }),
        numClasses,
      );
    if (!online?.hasPrevious) return null;
    return answersOf(previousAnswers(images, { family, numClasses, variables }), numClasses);
  });
}

/** `probe_teacher`: 1 where every frozen answer to a batch is finite. */
function recordProbe(builder: ProgramBuilder, options: TrainingProgramOptions, anchors: AnchorGrid): void {
  const [height, width] = options.imageSize;
  builder.signature(
    'probe_teacher',
    { images: { shape: [options.trainBatchSize, height, width, 3], dtype: 'float32' } },
    ({ images }, variables) => {
      const answers = frozenAnswers(builder, options, { images: images as tf.Tensor4D, anchors, variables })!;
      const finite = [answers.logits, answers.deltas].map(answer => tf.all(tf.isFinite(answer)));
      return { finite: tf.cast(tf.all(tf.stack(finite)), 'int32') };
    },
  );
}

/** `teacher_answers`: a teacher's answers to any number of images. */
function recordAnswers(builder: ProgramBuilder, options: TrainingProgramOptions, anchors: AnchorGrid): void {
  const [height, width] = options.imageSize;
  builder.signature(
    'teacher_answers',
    { images: { shape: [options.trainBatchSize, height, width, 3], dtype: 'float32', freeBatch: true } },
    ({ images }, variables) => ({
      ...bestAnswers(frozenAnswers(builder, options, { images: images as tf.Tensor4D, anchors, variables })!),
    }),
  );
}

const answerInputs = (
  { trainBatchSize: batch, numClasses }: TrainingProgramOptions,
  { count }: AnchorGrid,
): Record<keyof BestAnswers, InputSpec> => bestAnswersSpecs({ batch, anchors: count, numClasses });

function stepInputs(
  { trainBatchSize: batch, imageSize: [height, width] }: TrainingProgramOptions,
  { count }: AnchorGrid,
): Record<keyof StepInputs, InputSpec> {
  const scalar = { shape: [], dtype: 'float32' } as const;
  return {
    images: { shape: [batch, height, width, 3], dtype: 'float32' },
    class_targets: { shape: [batch, count], dtype: 'int32' },
    box_targets: { shape: [batch, count, 4], dtype: 'float32' },
    num_positives: { shape: [batch], dtype: 'float32' },
    learning_rate: scalar,
    soft_cls_weight: scalar,
    soft_box_weight: scalar,
    average_decay: scalar,
    auxiliary_decay: scalar,
    previous_share: scalar,
    seed: { shape: [2], dtype: 'int32' },
  };
}

interface TeacherOptions {
  readonly images: tf.Tensor4D;
  readonly family: FamilyRow;
  readonly numClasses: number;
  readonly anchors: AnchorGrid;
}

/** The teacher's answers to the student's own images, on the same anchor grid. */
function teacherOutputs(
  builder: ProgramBuilder,
  frozen: Uint8Array,
  { images, numClasses, anchors }: TeacherOptions,
): Outputs {
  return builder.graph.within('teacher', () => {
    const answerOf = inlineGraph(builder.graph, frozen, {
      [FROZEN_INPUT]: recordingBackend.outputOf(images),
    });
    const maps = (head: 'class' | 'box', values: number): tf.Tensor4D[] =>
      anchors.levels.map(({ level, height, width }) => {
        const shape = [images.shape[0], height, width, 9 * values];
        return recordingBackend.tensorOf(answerOf(frozenOutput(head, level))!, {
          shape,
          dtype: 'float32',
        }) as tf.Tensor4D;
      });
    return { classLogits: maps('class', numClasses), boxDeltas: maps('box', 4) };
  });
}
