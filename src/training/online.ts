import * as tf from '@tensorflow/tfjs-core';
import type { FamilyRow } from '../config/families.js';
import type { Variables, VariableSpec } from '../graph/variables.js';
import { type AnchorOutputs, blend } from '../losses/distillation.js';
import { auxiliary } from '../model/auxiliary.js';
import { efficientDet, type Outputs, variableSpecs } from '../model/efficientdet.js';
import { averageSpec } from './optimiser.js';

/** Prefix of the previous version's variables: the initial weights, unchanged, as a second teacher beside the branch. */
export const PREVIOUS = 'previous/';

interface Network {
  readonly family: FamilyRow;
  readonly numClasses: number;
}

const previousSpec = (spec: VariableSpec): VariableSpec => ({
  ...spec,
  name: `${PREVIOUS}${spec.name}`,
  trainable: false,
});

/** The variables of the previous version, none of which is trained. */
export const previousSpecs = (network: Network): VariableSpec[] => variableSpecs(network).map(previousSpec);

/** The outputs of the previous version. @param images [batch, height, width, 3] */
export const previousOutputs = (
  images: tf.Tensor4D,
  { family, numClasses, variables }: Network & { variables: Variables },
): Outputs =>
  efficientDet(images, {
    family,
    numClasses,
    training: false,
    variables: { read: spec => variables.read(previousSpec(spec)), follow: () => undefined },
  });

/** The branch with averaged weights but norms of the batch: averaged statistics would lag behind the backbone. */
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

interface OnlineOptions extends Network {
  readonly variables: Variables;
  readonly flatten: (outputs: Outputs) => AnchorOutputs;
  /** The previous version's outputs for the same images and their share of the targets; null: there is no previous version. */
  readonly previous: { readonly outputs: AnchorOutputs; readonly share: tf.Scalar } | null;
}

/**
 * The soft targets of online distillation, as constants: no gradient flows back into the branch or the backbone.
 * @param features C3, C4, C5 of the backbone in this step
 */
export function onlineTargets(
  features: readonly tf.Tensor4D[],
  { flatten, previous, ...network }: OnlineOptions,
): AnchorOutputs {
  return withoutGradients(() => {
    const own = flatten(averagedBranch(features, network));
    return previous ? blend(own, previous.outputs, previous.share) : own;
  });
}

/** The variables of the branch that have moving averages. */
export const averagedOf = (branch: readonly VariableSpec[]): VariableSpec[] =>
  branch.filter(({ trainable }) => trainable);

/** tfjs records no gradients inside a custom operation; tensors kept from it are constants to everything that follows. */
function withoutGradients(compute: () => AnchorOutputs): AnchorOutputs {
  let outputs: AnchorOutputs | undefined;
  tf.customGrad(() => {
    const { logits, deltas } = compute();
    outputs = { logits: tf.keep(logits), deltas: tf.keep(deltas) };
    return { value: tf.scalar(0), gradFunc: () => [] };
  })();
  return outputs!; // assigned above: customGrad calls its function at once
}
