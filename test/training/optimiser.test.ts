import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import type { VariableSpec } from '../../src/graph/variables.js';
import {
  applyMomentum,
  averageSpec,
  clipGradients,
  momentumSpec,
  updateAverage,
} from '../../src/training/optimiser.js';
import { movingAverageDecay } from '../../src/training/schedule.js';
import { EagerVariables } from '../model/golden-weights.js';
import { expectParity, largestError } from '../parity.js';

type Values = Readonly<Record<string, readonly number[]>>;
interface Golden {
  readonly optimiser: {
    readonly first: Values;
    readonly gradients: readonly Values[];
    readonly shapes: Readonly<Record<string, number[]>>;
    readonly rates: readonly number[];
    readonly limit: number;
    readonly momentum: number;
    readonly steps: readonly { norm: number; values: Values; velocities: Values; averages: Values }[];
  };
}
// tf.clip_by_norm, tf.clip_by_global_norm, MomentumOptimizer and ExponentialMovingAverage of TensorFlow 1: training.py.
const { first, gradients, shapes, rates, limit, momentum, steps } = (
  JSON.parse(readFileSync(new URL('../golden/tensorflow/training.json', import.meta.url), 'utf8')) as Golden
).optimiser;

beforeAll(async () => {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
});

describe('the optimiser', () => {
  it('clips, moves and averages as TensorFlow does, while the learning rate changes', () => {
    const specs = Object.entries(shapes).map(([name, shape]): VariableSpec => ({
      name,
      shape,
      trainable: true,
      initializer: { kind: 'constant', value: 0 },
    }));
    const plain = (name: string): string => name.replace(/\/(Momentum|ExponentialMovingAverage)$/, '');
    const variables = new EagerVariables(({ name }) =>
      name.endsWith('/Momentum')
        ? new Float32Array(first[plain(name)]!.length)
        : Float32Array.from(first[plain(name)]!),
    );
    const errors = { norm: 0, values: 0, velocities: 0, averages: 0 };
    steps.forEach((expected, step) => {
      const given = specs.map(({ name, shape }) => tf.tensor([...gradients[step]![name]!], [...shape]));
      const { clipped, globalNorm } = clipGradients(given, limit);
      applyMomentum(variables, {
        specs,
        gradients: clipped,
        learningRate: tf.scalar(rates[step]!),
        momentum,
      });
      const decay = tf.scalar(movingAverageDecay(0.9998, step));
      for (const spec of specs) updateAverage(variables, spec, decay);
      variables.commit();
      const note = (key: keyof typeof errors, found: ArrayLike<number>, wanted: readonly number[]): void => {
        errors[key] = Math.max(errors[key], largestError(found, wanted, 'of the largest value'));
      };
      note('norm', globalNorm.dataSync(), [expected.norm]);
      for (const spec of specs) {
        const valueOf = ({ name }: VariableSpec) => variables.tensors.get(name)!.dataSync();
        note('values', valueOf(spec), expected.values[spec.name]!);
        note('velocities', valueOf(momentumSpec(spec)), expected.velocities[spec.name]!);
        note('averages', valueOf(averageSpec(spec)), expected.averages[spec.name]!);
      }
    });
    const items = {
      norm: 'Norm of the gradients, each clipped alone',
      values: 'Variables after clipping by norm, then together, and momentum',
      velocities: 'Momentum while the learning rate changes',
      averages: 'Moving averages with their ramp',
    } as const;
    for (const key of Object.keys(items) as (keyof typeof items)[])
      expectParity({
        item: items[key],
        reference: 'TensorFlow, tf.train and tf.clip_by_*',
        cases: steps.length,
        error: errors[key],
        measure: 'of the largest value',
        limit: 1e-6,
      });
  });
});
