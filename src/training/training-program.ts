import * as tf from '@tensorflow/tfjs-core';
import {
  ANCHORS_PER_CELL,
  type FamilyRow,
  familyOf,
  type ModelName,
  type Normalisation,
} from '../config/families.js';
import type { Hparams } from '../config/run.js';
import { type AnchorGrid, anchorOptions, createAnchors } from '../detection/anchors.js';
import { detect } from '../detection/detect.js';
import type { SoftTerm } from '../formats/training-history.js';
import { FROZEN_INPUT, frozenOutput } from '../formats/model-card.js';
import type { Precision } from '../graph/graph.js';
import { inlineGraph } from '../graph/graph-def.js';
import { ProgramBuilder } from '../graph/program.js';
import { recordingBackend } from '../graph/recording-backend.js';
import type { Variables } from '../graph/variables.js';
import type { AnchorOutputs } from '../losses/distillation.js';
import { AUXILIARY, auxiliarySpecs } from '../model/auxiliary.js';
import { efficientDet, type Outputs, variableSpecs } from '../model/efficientdet.js';
import { PREVIOUS, previousOutputs } from './online.js';
import { averagedVariables, flattenOutputs, trainStep } from './step.js';
import { imagesSpec, type StepInputs, stepInputSpecs } from './step-inputs.js';
import {
  keepBest,
  keptAnchors,
  softTargetsFrom,
  teacherSpecs,
  type TeacherTensors,
} from './teacher-outputs.js';

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
  /** The terms of distillation; none: nothing is distilled. */
  readonly softTerms: readonly SoftTerm[];
  /** Online distillation, and whether a previous version is a teacher beside the auxiliary branch; null: off. */
  readonly online: { readonly hasPrevious: boolean } | null;
  /** Precision of the convolutions of training steps and of a frozen teacher; evaluation computes in float32. */
  readonly precision: Precision;
  /** Whether XLA compiles operations that take many passes over memory: on CPUs. */
  readonly useXla: boolean;
}

export interface FrozenTeacher {
  /** The bytes of its graph. */
  readonly frozen: Uint8Array;
  /** How its input is normalised: families of models differ. */
  readonly normalisation: Normalisation;
  /**
   * true: `teacher_outputs` gives its outputs for the best anchors, and `train_step` is fed them; false: `train_step` runs the
   * teacher, for all anchors.
   */
  readonly isFed: boolean;
}

interface Recording {
  readonly builder: ProgramBuilder;
  readonly options: TrainingProgramOptions;
  readonly family: FamilyRow;
  readonly anchors: AnchorGrid;
}

/**
 * Records the program that trains. Its signatures are `initialize`, `train_step`, `predict`, `save`, `restore`, `publish`, `values`
 * and `adopt`; with a teacher whose weights do not change `probe_teacher`, and where its outputs are fed `teacher_outputs`. The
 * teacher's graph is part of the program: one session runs both.
 */
export function recordTraining(options: TrainingProgramOptions): ProgramBuilder {
  const family = familyOf(options.modelName);
  const anchors = createAnchors(anchorOptions(family, options.hparams.aspect_ratios), options.imageSize);
  const builder = new ProgramBuilder();
  const recording = { builder, options, family, anchors };
  const teacher = fixedTeacher(recording);
  recordStep(recording, teacher);
  recordPrediction(recording);
  if (teacher && options.teacher?.isFed) recordTeacherOutputs(recording, teacher);
  if (teacher) recordProbe(recording, teacher);
  builder.addInitialize();
  builder.addCheckpointing({ isPublished: name => !isForTraining(name) });
  builder.addAdoption();
  return builder;
}

/** Variables of the auxiliary branch and the previous version: a checkpoint to resume from has them, a detector does not. */
const isForTraining = (name: string): boolean => name.startsWith(AUXILIARY) || name.startsWith(PREVIOUS);

function recordStep({ builder, options, family, anchors }: Recording, teacher: RecordTeacher | null): void {
  const { numClasses, hparams, trainBatchSize: batch, imageSize, precision, useXla } = options;
  const isFed = options.teacher?.isFed ?? false;
  const specs = variableSpecs({ family, numClasses });
  const branch = options.online && auxiliarySpecs({ family, numClasses });
  const model = { family, anchors, numClasses, hparams, specs, branch, softTerms: options.softTerms };
  const inputs = {
    ...stepInputSpecs({ batch, imageSize, anchors: anchors.count }),
    ...(isFed && teacherSpecs({ batch, kept: keptAnchors(anchors.count), numClasses })),
  };
  builder.signature(
    'train_step',
    inputs,
    (tensors, variables) => {
      // Tensors of the specs above, under their names.
      const fed = tensors as unknown as StepInputs & TeacherTensors;
      const outputs = isFed ? softTargetsFrom(fed) : (teacher?.(fed.images, variables) ?? null);
      return builder.graph.withComputeOptions({ precision, useXla }, () =>
        trainStep(model, fed, { variables, teacher: outputs }),
      );
    },
    { countsSteps: true },
  );
}

function recordPrediction({ builder, options, family, anchors }: Recording): void {
  const { evalBatchSize: batch, imageSize, numClasses, hparams } = options;
  builder.signature('predict', { images: imagesSpec({ batch, imageSize }) }, (fed, variables) => {
    const averaged = averagedVariables(variables, hparams);
    const network = { family, numClasses, training: false, variables: averaged };
    const outputs = efficientDet(fed.images as tf.Tensor4D, network);
    return { ...detect(outputs, { anchors, numClasses, nms: hparams.nms_configs }) };
  });
}

/** `teacher_outputs`: the outputs of the teacher for any number of images. */
function recordTeacherOutputs({ builder, options }: Recording, teacher: RecordTeacher): void {
  const { trainBatchSize: batch, imageSize } = options;
  const images = { ...imagesSpec({ batch, imageSize }), freeBatch: true };
  builder.signature('teacher_outputs', { images }, (fed, variables) => ({
    ...keepBest(teacher(fed.images as tf.Tensor4D, variables)),
  }));
}

/** `probe_teacher`: 1 where all outputs of the teacher for a batch are finite, else 0. */
function recordProbe({ builder, options }: Recording, teacher: RecordTeacher): void {
  const { trainBatchSize: batch, imageSize } = options;
  const images = imagesSpec({ batch, imageSize });
  builder.signature('probe_teacher', { images }, (fed, variables) => {
    const { logits, deltas } = teacher(fed.images as tf.Tensor4D, variables);
    const finite = [logits, deltas].map(values => tf.all(tf.isFinite(values)));
    return { finite: tf.cast(tf.all(tf.stack(finite)), 'int32') };
  });
}

/** Records a teacher. @param images [batch, height, width, 3] */
type RecordTeacher = (images: tf.Tensor4D, variables: Variables) => AnchorOutputs;

/** The teacher whose weights do not change: the frozen one or the previous version; null: there is none. */
function fixedTeacher(recording: Recording): RecordTeacher | null {
  const { builder, options, family } = recording;
  const { numClasses, teacher, online, precision } = options;
  const flattened =
    (outputsOf: (images: tf.Tensor4D, variables: Variables) => Outputs): RecordTeacher =>
    (images, variables) =>
      builder.graph.withComputeOptions({ precision }, () =>
        flattenOutputs(outputsOf(images, variables), numClasses),
      );
  if (teacher) return flattened(images => teacherOutputs(recording, teacher, images));
  if (!online?.hasPrevious) return null;
  return flattened((images, variables) => previousOutputs(images, { family, numClasses, variables }));
}

/** The outputs of the teacher's graph for the student's images, on the same anchor grid. */
function teacherOutputs(
  { builder, options: { numClasses }, anchors, family }: Recording,
  { frozen, normalisation }: FrozenTeacher,
  images: tf.Tensor4D,
): Outputs {
  return builder.graph.within('teacher', () => {
    const input = renormalise(images, { from: family.normalisation, to: normalisation });
    const outputOf = inlineGraph(builder.graph, frozen, {
      [FROZEN_INPUT]: recordingBackend.outputOf(input),
    });
    const maps = (head: 'class' | 'box', values: number): tf.Tensor4D[] =>
      anchors.levels.map(({ level, height, width }) => {
        const shape = [images.shape[0], height, width, ANCHORS_PER_CELL * values];
        const output = outputOf(frozenOutput(head, level))!; // every frozen graph has one a head and level
        return recordingBackend.tensorOf(output, { shape, dtype: 'float32' }) as tf.Tensor4D;
      });
    return { classLogits: maps('class', numClasses), boxDeltas: maps('box', 4) };
  });
}

/**
 * Images that are normalised in one way, normalised in another: x · std / std′ + (mean − mean′) / std′. The padding, which is 0 in either
 * normalisation, becomes a grey that is off by less than .06 standard deviations for the families that there are.
 */
function renormalise(
  images: tf.Tensor4D,
  { from, to }: { from: Normalisation; to: Normalisation },
): tf.Tensor4D {
  const scale = from.std.map((std, i) => std / to.std[i]!);
  const offset = from.mean.map((mean, i) => (mean - to.mean[i]!) / to.std[i]!);
  if (scale.every(value => value === 1) && offset.every(value => value === 0)) return images;
  return tf.add(tf.mul(images, tf.tensor1d(scale)), tf.tensor1d(offset)) as tf.Tensor4D;
}
