import * as tf from '@tensorflow/tfjs-core';
import type { FamilyRow } from '../config/families.js';
import type { Variables, VariableSpec } from '../graph/variables.js';
import { type Answers, blend } from '../losses/distillation.js';
import { auxiliary } from '../model/auxiliary.js';
import { efficientDet, type Outputs, variableSpecs } from '../model/efficientdet.js';
import { averageSpec } from './optimiser.js';

/** Of the weights that a run began with, kept as they were: they answer beside the branch. */
export const PREVIOUS = 'previous/';

interface Network {
  readonly family: FamilyRow;
  readonly numClasses: number;
}

/** The previous version's variables; nothing trains them. */
export const previousSpecs = (network: Network): VariableSpec[] =>
  variableSpecs(network).map(spec => ({ ...spec, name: `${PREVIOUS}${spec.name}`, trainable: false }));

/** The previous version's answers. @param images [batch, height, width, 3] */
export const previousAnswers = (
  images: tf.Tensor4D,
  { family, numClasses, variables }: Network & { variables: Variables },
): Outputs =>
  efficientDet(images, {
    family,
    numClasses,
    training: false,
    variables: {
      read: spec => variables.read({ ...spec, name: `${PREVIOUS}${spec.name}`, trainable: false }),
      follow: () => undefined,
    },
  });

/** The branch with its averaged weights, and norms of the batch: a norm's statistics would lag behind the backbone. */
const averagedBranch = (
  features: readonly tf.Tensor4D[],
  { family, numClasses, variables }: Network & { variables: Variables },
): Outputs =>
  auxiliary(features, {
    family,
    numClasses,
    training: true,
    variables: {
      read: spec => variables.read(spec.trainable ? averageSpec(spec) : spec),
      follow: () => undefined,
    },
  });

interface LessonOptions extends Network {
  readonly variables: Variables;
  readonly answersOf: (outputs: Outputs) => Answers;
  /** Of the previous version to the same images, and what share of the lesson they are; null: there is none. */
  readonly previous: { readonly answers: Answers; readonly share: tf.Scalar } | null;
}

/**
 * What the student is to learn, as constants: nothing flows back into the branch or the backbone.
 * @param features the backbone's C3, C4, C5, of this step
 */
export function lesson(
  features: readonly tf.Tensor4D[],
  { answersOf, previous, ...network }: LessonOptions,
): Answers {
  return withoutTape(() => {
    const own = answersOf(averagedBranch(features, network));
    return previous ? blend(own, previous.answers, previous.share) : own;
  });
}

/** Of the branch's variables, those that it teaches with as averages. */
export const averagedOf = (branch: readonly VariableSpec[]): VariableSpec[] =>
  branch.filter(({ trainable }) => trainable);

/** Inside a custom operation tfjs records no gradients; what is kept of it is a constant to all that follows. */
function withoutTape(compute: () => Answers): Answers {
  let answers: Answers | undefined;
  tf.customGrad(() => {
    const { logits, deltas } = compute();
    answers = { logits: tf.keep(logits), deltas: tf.keep(deltas) };
    return { value: tf.scalar(0), gradFunc: () => [] };
  })();
  return answers!; // computed above, at once
}
