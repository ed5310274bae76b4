import type * as tf from '@tensorflow/tfjs-core';
import type { FamilyRow } from '../config/families.js';
import type { Hparams } from '../config/run.js';
import { ProgramBuilder } from '../graph/program.js';
import type { Variables, VariableSpec } from '../graph/variables.js';
import { backbone } from './backbone.js';
import { bifpn, pyramidInputs } from './bifpn.js';
import { boxHead, classHead, predict } from './heads.js';
import type { Context } from './layers.js';

/** The raw outputs, one tensor a level. */
export interface Outputs {
  /** [batch, h, w, 9·classes]: anchor-major, then class. */
  readonly classLogits: readonly tf.Tensor4D[];
  /** [batch, h, w, 36]: anchor-major, then ty, tx, th, tw. */
  readonly boxDeltas: readonly tf.Tensor4D[];
}

export interface NetworkOptions {
  readonly family: FamilyRow;
  readonly numClasses: number;
  readonly training: boolean;
  readonly variables: Variables;
  /** int32 [2], different in every step; left out: no stochastic depth. */
  readonly dropSeed?: tf.Tensor1D;
  /** The part of the network whose norms keep their moving statistics in training; left out: none. */
  readonly frozenNorms?: Hparams['frozen_batch_norm'];
}

export interface Detector extends Outputs {
  readonly inputs: readonly tf.Tensor4D[];
  readonly pyramid: readonly tf.Tensor4D[];
}

export interface Features extends Detector {
  /** C3, C4, C5 of the backbone. */
  readonly features: readonly tf.Tensor4D[];
}

const contextOf = (
  { family, training, variables, dropSeed, frozenNorms = 'none' }: NetworkOptions,
  part: 'backbone' | 'detector',
): Context => ({
  variables,
  training,
  hasFrozenNorms: frozenNorms === 'all' || frozenNorms === part,
  dropSeed: dropSeed ?? null,
  activation: family.activation,
});

/** The whole network. @param images [batch, height, width, 3], normalised as the family says. */
export function efficientDet(images: tf.Tensor4D, options: NetworkOptions): Features {
  const features = backbone(contextOf(options, 'backbone'), options.family.backbone, images);
  return { features, ...detector(features, options) };
}

/** The pyramid and heads on a backbone. @param features C3, C4, C5 */
export function detector(features: readonly tf.Tensor4D[], options: NetworkOptions): Detector {
  const { family, numClasses } = options;
  const context = contextOf(options, 'detector');
  const inputs = pyramidInputs(context, features, family);
  const pyramid = bifpn(context, inputs, family);
  const classLogits = predict(context, classHead(numClasses), { levels: pyramid, family });
  const boxDeltas = predict(context, boxHead, { levels: pyramid, family });
  return { inputs, pyramid, classLogits, boxDeltas };
}

/** Every variable of the network in the order of declaration, found by recording the network once. */
export function variableSpecs({
  family,
  numClasses,
}: Pick<NetworkOptions, 'family' | 'numClasses'>): VariableSpec[] {
  const builder = new ProgramBuilder();
  const images = { shape: [1, 128, 128, 3], dtype: 'float32' as const };
  builder.signature('network', { images }, (inputs, variables) => {
    const { classLogits } = efficientDet(inputs.images as tf.Tensor4D, {
      family,
      numClasses,
      training: false,
      variables,
    });
    return { probe: classLogits[0]! };
  });
  return builder.variableSpecs;
}
