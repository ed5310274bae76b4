import * as tf from '@tensorflow/tfjs-core';
import type { FamilyRow } from '../config/families.js';
import type { Hparams } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { errors } from '../errors/index.js';
import { flattenLevels } from '../detection/detect.js';
import { auxiliaryTerm, type SoftTerm } from '../formats/training-history.js';
import { halfSquares } from '../graph/ops.js';
import type { TrainedVariables, Variables, VariableSpec } from '../graph/variables.js';
import type { AnchorOutputs, SoftTargets } from '../losses/distillation.js';
import { isDecayed, weightedTerms } from '../losses/terms.js';
import { auxiliary } from '../model/auxiliary.js';
import { efficientDet, type Features, type Outputs } from '../model/efficientdet.js';
import { averagedOf, onlineTargets } from './online.js';
import { applyMomentum, averageSpec, clipGradients, updateAverage } from './optimiser.js';
import type { StepInputs } from './step-inputs.js';

/** The confidence that boxes of a teacher need to be learned from: more where the teacher is still in training. */
const MIN_CONFIDENCE = { teacher: 0.1, branch: 0.3 } as const;

export interface StepModel {
  readonly family: FamilyRow;
  readonly anchors: AnchorGrid;
  readonly numClasses: number;
  readonly hparams: Hparams;
  /** Every variable of the network. */
  readonly specs: readonly VariableSpec[];
  /** Variables of the auxiliary branch, the teacher of online distillation; null: there is none. */
  readonly branch: readonly VariableSpec[] | null;
  /** The terms of distillation: those whose weights are not 0. */
  readonly softTerms: readonly SoftTerm[];
}

/** The outputs of all levels, joined in the order of the anchors. */
export const flattenOutputs = ({ classLogits, boxDeltas }: Outputs, numClasses: number): AnchorOutputs => ({
  logits: flattenLevels(classLogits, numClasses),
  deltas: flattenLevels(boxDeltas, 4),
});

/** The variables that a step changes: the trainable ones that `var_freeze_expr` does not match. @throws NOTHING_TRAINED */
export function trainedSpecs({
  specs,
  branch,
  hparams,
}: Pick<StepModel, 'specs' | 'branch' | 'hparams'>): VariableSpec[] {
  const frozen = hparams.var_freeze_expr === null ? null : new RegExp(`^(?:${hparams.var_freeze_expr})`);
  // The branch comes last, so that the initial values of the network do not depend on it.
  const all = [...specs, ...(branch ?? [])];
  const trained = all.filter(({ name, trainable }) => trainable && !frozen?.test(name));
  if (trained.length === 0) throw errors.nothingTrained(hparams.var_freeze_expr ?? '');
  return trained;
}

/**
 * One step of training: forward pass, named losses, gradients, clipping, momentum, moving averages.
 * @param teacher outputs of the frozen teacher or the previous version for the same images; null: there is none
 * @returns by name the weighted terms, `l2_loss`, their sum `loss`, the terms of distillation before their weights, and the norm of
 * the gradients
 */
export function trainStep(
  model: StepModel,
  inputs: StepInputs,
  options: { variables: TrainedVariables; teacher: SoftTargets | null },
): Record<string, tf.Scalar> {
  const { hparams } = model;
  const { teacher, variables } = options;
  const specs = trainedSpecs(model);
  const { terms, raw, gradients } = lossesAndGradients(model, inputs, { variables, teacher, specs });
  const decayed = specs.map((spec, i) => {
    const gradient = gradients[i]!; // one for each of the specs
    return isDecayed(spec.name)
      ? tf.add(gradient, tf.mul(variables.read(spec), hparams.weight_decay))
      : gradient;
  });
  const { clipped, globalNorm } = clipGradients(decayed, hparams.clip_gradients_norm);
  const l2 = l2Loss(variables, { specs, weightDecay: hparams.weight_decay });
  applyMomentum(variables, {
    specs,
    gradients: clipped,
    learningRate: inputs.learning_rate,
    momentum: hparams.momentum,
  });
  const average = (averaged: readonly VariableSpec[], decay: tf.Scalar): void =>
    averaged.forEach(spec => updateAverage(variables, spec, decay));
  if (hparams.moving_average_decay > 0) average(model.specs, inputs.average_decay);
  if (model.branch) average(averagedOf(model.branch), inputs.auxiliary_decay);
  const loss = tf.addN([...Object.values(terms), l2]) as tf.Scalar;
  return { ...terms, ...raw, l2_loss: l2, loss, gradient_norm: globalNorm };
}

interface GradientOptions {
  readonly variables: Variables;
  readonly teacher: SoftTargets | null;
  readonly specs: readonly VariableSpec[];
}

/** The weighted terms, those of distillation before their weights, and the gradient of the sum with respect to all `specs`. */
export function lossesAndGradients(
  model: StepModel,
  inputs: StepInputs,
  { variables, teacher, specs }: GradientOptions,
): { terms: Record<string, tf.Scalar>; raw: Record<string, tf.Scalar>; gradients: tf.Tensor[] } {
  let terms: Record<string, tf.Scalar> = {};
  let raw: Record<string, tf.Scalar> = {};
  const total = (): tf.Scalar => {
    const { family, numClasses, hparams } = model;
    const frozenNorms = hparams.frozen_batch_norm;
    const network = { family, numClasses, training: true, variables, frozenNorms };
    const outputs = efficientDet(inputs.images, { ...network, dropSeed: inputs.seed });
    const softTargets = softTargetsOf(model, inputs, { outputs, variables, teacher });
    const computed = termsOf(model, inputs, { outputs, softTargets });
    [terms, raw] = [keepAll(computed.terms), keepAll(computed.raw)];
    if (model.branch) {
      const branchOutputs = auxiliary(outputs.features, network);
      const own = termsOf(model, inputs, { outputs: branchOutputs, softTargets: null });
      for (const [name, term] of Object.entries(keepAll(own.terms))) terms[auxiliaryTerm(name)] = term;
    }
    return tf.addN(Object.values(terms)) as tf.Scalar;
  };
  const { grads } = tf.valueAndGrads(total)(specs.map(spec => variables.read(spec)));
  return { terms, raw, gradients: grads };
}

/** Protects terms from the scope of the gradient, which disposes everything but its result. */
const keepAll = (terms: Record<string, tf.Scalar>): Record<string, tf.Scalar> =>
  Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, tf.keep(term)]));

interface SoftTargetOptions {
  readonly outputs: Features;
  readonly variables: Variables;
  readonly teacher: SoftTargets | null;
}

/** The soft targets of the student; null: nothing is distilled. */
function softTargetsOf(
  { family, numClasses, branch }: StepModel,
  inputs: StepInputs,
  { outputs, variables, teacher }: SoftTargetOptions,
): SoftTargets | null {
  if (!branch) return teacher;
  const flatten = (levels: Outputs): AnchorOutputs => flattenOutputs(levels, numClasses);
  const previous = teacher && { outputs: teacher, share: inputs.previous_share };
  return onlineTargets(outputs.features, { family, numClasses, variables, flatten, previous });
}

function termsOf(
  { anchors, numClasses, hparams, softTerms, branch }: StepModel,
  inputs: StepInputs,
  { outputs, softTargets }: { outputs: Outputs; softTargets: SoftTargets | null },
): ReturnType<typeof weightedTerms> {
  const targets = {
    classTargets: inputs.class_targets,
    boxTargets: inputs.box_targets,
    numPositives: inputs.num_positives,
  };
  const student = flattenOutputs(outputs, numClasses);
  const minConfidence = MIN_CONFIDENCE[branch ? 'branch' : 'teacher'];
  const soft = softTargets && { targets: softTargets, terms: softTerms, minConfidence };
  return weightedTerms({ student, targets, soft, anchors, hparams }, inputs);
}

function l2Loss(
  variables: Variables,
  { specs, weightDecay }: { specs: readonly VariableSpec[]; weightDecay: number },
): tf.Scalar {
  const squares = specs.filter(({ name }) => isDecayed(name)).map(spec => halfSquares(variables.read(spec)));
  return squares.length === 0 ? tf.scalar(0) : (tf.mul(tf.addN(squares), weightDecay) as tf.Scalar);
}

/** The variables that evaluation and export read: the moving averages, or the plain ones where none are kept. */
export const averagedVariables = (variables: Variables, { moving_average_decay }: Hparams): Variables =>
  moving_average_decay === 0
    ? variables
    : { read: spec => variables.read(averageSpec(spec)), follow: () => undefined };
