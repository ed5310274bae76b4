// tfjs's own gradients first: those below take their place.
import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';

export const RELU6_GRAD = 'Relu6Grad';

/** Computed from the output. tfjs's own gradient keeps the input and takes several passes. */
tf.registerGradient({
  kernelName: tf.Relu6,
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({ x: () => tf.engine().runKernel(RELU6_GRAD, { dy: dy as tf.Tensor, y: y! }) }),
});

// tfjs's own multiply by ones: arrays as large as the input, which are in memory while the program is recorded.
registerSpreading(tf.Sum, dy => dy);
registerSpreading(tf.Mean, (dy, x) => tf.div(dy, x.size / dy.size));

/** The gradient of a reduction: every value that went into a result gets the same. */
function registerSpreading(kernelName: string, share: (dy: tf.Tensor, x: tf.Tensor) => tf.Tensor): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { axis }) => ({
      x: () => {
        const axes = tf.util.parseAxisParam(axis as number[], x!.shape);
        const kept = x!.shape.map((size, i) => (axes.includes(i) ? 1 : size));
        return tf.tile(
          tf.reshape(share(dy as tf.Tensor, x!), kept),
          x!.shape.map((size, i) => size / kept[i]!),
        );
      },
    }),
  });
}
