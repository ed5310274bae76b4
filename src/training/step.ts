import * as tf from '@tensorflow/tfjs-core';
import type { FamilyRow } from '../config/families.js';
import type { Hparams } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { flattenLevels } from '../detection/detect.js';
import { halfSquares } from '../graph/ops.js';
import type { TrainedVariables, Variables, VariableSpec } from '../graph/variables.js';
import type { Answers, Guide } from '../losses/distillation.js';
import { isDecayed, lossTerms, type TargetTensors } from '../losses/terms.js';
import { auxiliary } from '../model/auxiliary.js';
import { efficientDet, type Features, type Outputs } from '../model/efficientdet.js';
import { averagedOf, lesson } from './online.js';
import { applyMomentum, averageSpec, clipGradients, updateAverage } from './optimiser.js';

export interface StepModel {
  readonly family: FamilyRow;
  readonly anchors: AnchorGrid;
  readonly numClasses: number;
  readonly hparams: Hparams;
  /** Every variable of the network. */
  readonly specs: readonly VariableSpec[];
  /** Variables of the branch that teaches while it learns; null: there is none. */
  readonly branch: readonly VariableSpec[] | null;
}

/** What is fed at every step. */
export interface StepInputs {
  /** [batch, height, width, 3], normalised. */
  readonly images: tf.Tensor4D;
  readonly class_targets: tf.Tensor2D;
  readonly box_targets: tf.Tensor3D;
  readonly num_positives: tf.Tensor1D;
  readonly learning_rate: tf.Scalar;
  /** Weights of the two distillation terms: fed, because they ramp and may be lowered. */
  readonly soft_cls_weight: tf.Scalar;
  readonly soft_box_weight: tf.Scalar;
  /** Of the moving average. */
  readonly average_decay: tf.Scalar;
  /** Of the branch's moving average. */
  readonly auxiliary_decay: tf.Scalar;
  /** The previous version's share of what the branch and it say together. */
  readonly previous_share: tf.Scalar;
  /** int32 [2]: run seed and step. */
  readonly seed: tf.Tensor1D;
}

export const answersOf = ({ classLogits, boxDeltas }: Outputs, numClasses: number): Answers => ({
  logits: flattenLevels(classLogits, numClasses),
  deltas: flattenLevels(boxDeltas, 4),
});

/** Variables that this step changes: the trainable ones that no pattern freezes. */
export function trainedSpecs({
  specs,
  branch,
  hparams,
}: Pick<StepModel, 'specs' | 'branch' | 'hparams'>): VariableSpec[] {
  const frozen = hparams.var_freeze_expr === null ? null : new RegExp(`^(?:${hparams.var_freeze_expr})`);
  // The branch last: what the network starts with does not depend on it.
  const all = [...specs, ...(branch ?? [])];
  return all.filter(({ name, trainable }) => trainable && !frozen?.test(name));
}

/**
 * One step of training: forward, named losses, gradients, clipping, momentum, moving averages.
 * @param teacher the answers to the same images of the frozen teacher or the previous version, or null
 * @returns the weighted terms by name, `l2_loss`, their sum `loss`, and the gradient's norm
 */
export function trainStep(
  model: StepModel,
  inputs: StepInputs,
  options: { variables: TrainedVariables; teacher: Guide | null },
): Record<string, tf.Scalar> {
  const { hparams } = model;
  const { teacher, variables } = options;
  const specs = trainedSpecs(model);
  const { terms, gradients } = lossesAndGradients(model, inputs, { variables, teacher, specs });
  const decayed = gradients.map((gradient, i) =>
    isDecayed(specs[i]!.name)
      ? tf.add(gradient, tf.mul(variables.read(specs[i]!), hparams.weight_decay))
      : gradient,
  );
  const { clipped, globalNorm } = clipGradients(decayed, hparams.clip_gradients_norm);
  const l2 = l2Loss(variables, { specs, weightDecay: hparams.weight_decay });
  const changes = {
    specs,
    gradients: clipped,
    learningRate: inputs.learning_rate,
    momentum: hparams.momentum,
  };
  applyMomentum(variables, changes);
  const follow = (followed: readonly VariableSpec[], decay: tf.Scalar): void =>
    followed.forEach(spec => updateAverage(variables, spec, decay));
  if (hparams.moving_average_decay > 0) follow(model.specs, inputs.average_decay);
  if (model.branch) follow(averagedOf(model.branch), inputs.auxiliary_decay);
  const loss = tf.addN([...Object.values(terms), l2]) as tf.Scalar;
  return { ...terms, l2_loss: l2, loss, gradient_norm: globalNorm };
}

interface GradientOptions {
  readonly variables: Variables;
  readonly teacher: Guide | null;
  readonly specs: readonly VariableSpec[];
}

/** The weighted terms, and the gradient of their sum with respect to every variable of `specs`. */
export function lossesAndGradients(
  model: StepModel,
  inputs: StepInputs,
  { variables, teacher, specs }: GradientOptions,
): { terms: Record<string, tf.Scalar>; gradients: tf.Tensor[] } {
  let terms: Record<string, tf.Scalar> = {};
  const total = (): tf.Scalar => {
    const { family, numClasses } = model;
    const network = { family, numClasses, training: true, variables };
    const outputs = efficientDet(inputs.images, { ...network, dropSeed: inputs.seed });
    const guide = guideOf(model, inputs, { outputs, variables, teacher });
    // Kept: the gradient's scope disposes everything but its result.
    const keep = (named: Record<string, tf.Scalar>, prefix = ''): Record<string, tf.Scalar> =>
      Object.fromEntries(Object.entries(named).map(([name, term]) => [`${prefix}${name}`, tf.keep(term)]));
    terms = keep(weightedTerms(model, inputs, { outputs, guide }));
    if (model.branch) {
      const answered = auxiliary(outputs.features, network);
      Object.assign(terms, keep(weightedTerms(model, inputs, { outputs: answered, guide: null }), 'aux_'));
    }
    return tf.addN(Object.values(terms)) as tf.Scalar;
  };
  const { grads } = tf.valueAndGrads(total)(specs.map(spec => variables.read(spec)));
  return { terms, gradients: grads };
}

/** What the student is to answer like; null: nothing is distilled. */
function guideOf(
  { family, numClasses, branch }: StepModel,
  inputs: StepInputs,
  { outputs, variables, teacher }: { outputs: Features; variables: Variables; teacher: Guide | null },
): Guide | null {
  if (!branch) return teacher;
  const flat = (answered: Outputs): Answers => answersOf(answered, numClasses);
  const previous = teacher && { answers: teacher, share: inputs.previous_share };
  return lesson(outputs.features, { family, numClasses, variables, answersOf: flat, previous });
}

function weightedTerms(
  { anchors, numClasses, hparams }: StepModel,
  inputs: StepInputs,
  { outputs, guide }: { outputs: Outputs; guide: Guide | null },
): Record<string, tf.Scalar> {
  const weights: Record<string, tf.Scalar | number> = {
    cls_loss: 1,
    box_loss: hparams.box_loss_weight,
    box_iou_loss: hparams.iou_loss_weight,
    loss_soft_cls: inputs.soft_cls_weight,
    loss_soft_box: inputs.soft_box_weight,
  };
  const targets: TargetTensors = {
    classTargets: inputs.class_targets,
    boxTargets: inputs.box_targets,
    numPositives: inputs.num_positives,
  };
  const student = answersOf(outputs, numClasses);
  const raw = lossTerms({ student, targets, teacher: guide, anchors, numClasses, hparams });
  return Object.fromEntries(
    Object.entries(raw).map(([name, term]) => [name, tf.mul(term, weights[name]!) as tf.Scalar]),
  );
}

function l2Loss(
  variables: Variables,
  { specs, weightDecay }: { specs: readonly VariableSpec[]; weightDecay: number },
): tf.Scalar {
  const squares = specs.filter(({ name }) => isDecayed(name)).map(spec => halfSquares(variables.read(spec)));
  return squares.length === 0 ? tf.scalar(0) : (tf.mul(tf.addN(squares), weightDecay) as tf.Scalar);
}

/** Variables as evaluation and export see them: the moving averages where there are any. */
export const averagedVariables = (variables: Variables, { moving_average_decay }: Hparams): Variables =>
  moving_average_decay === 0
    ? variables
    : { read: spec => variables.read(averageSpec(spec)), follow: () => undefined };
