import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/**
 * The gradient of a scalar function by autodiff equals central differences.
 * Losses here are of order 1 and 32-bit: a step of 1e-2 leaves about 1e-3 of rounding and curvature.
 */
export function expectGradient(
  loss: (x: tf.Tensor) => tf.Scalar,
  values: readonly number[],
  shape: number[],
): void {
  const at = (changed: readonly number[]): number =>
    tf.tidy(() => loss(tf.tensor([...changed], shape)).dataSync()[0]!);
  const gradient = tf.tidy(() => [
    ...tf
      .grad(loss)(tf.tensor([...values], shape))
      .dataSync(),
  ]);
  const step = 1e-2;
  values.forEach((_, i) => {
    const moved = (by: number): number[] => values.map((value, j) => (i === j ? value + by : value));
    const difference = (at(moved(step)) - at(moved(-step))) / (2 * step);
    expect(
      Math.abs(gradient[i]! - difference),
      `element ${i}: ${gradient[i]} and ${difference}`,
    ).toBeLessThan(2e-3 * Math.max(1, Math.abs(difference)));
  });
}
