import * as tf from '@tensorflow/tfjs-core';
import { RELU6_GRAD } from './gradients.js';
import {
  CLEAR_ROWS,
  SCATTER_ADD_BY_LABEL,
  COMBINED_NMS,
  FUSED_BATCH_NORM,
  FUSED_BATCH_NORM_GRAD,
  GROUPED_NMS,
  HALF_SQUARES,
  GATHER_BY_LABEL,
  GATHER_ROWS,
  STATELESS_UNIFORM,
  NORMALISED_SWISH_GRAD,
  SWISH,
  SWISH_GRAD,
  type GroupedNms,
} from './ops.js';

/** The part of tfjs-node's backend that runs any TensorFlow operation. */
interface NodeBackend {
  executeSingleOutput(name: string, attributes: unknown[], inputs: tf.TensorInfo[]): tf.TensorInfo;
  executeMultipleOutputs(
    name: string,
    attributes: unknown[],
    inputs: tf.TensorInfo[],
    count: number,
  ): tf.TensorInfo[];
  readonly binding: Record<string, number>;
}

type Inputs = Record<string, tf.TensorInfo>;
type Kernel = (
  inputs: Inputs,
  backend: NodeBackend,
  attributes: Record<string, unknown>,
) => tf.TensorInfo | tf.TensorInfo[];

// Values of TensorFlow's DataType enumeration.
const DT_FLOAT = 1;
const DT_INT32 = 3;

const typeAttribute = (backend: NodeBackend, name: string, value: number): object => ({
  name,
  type: backend.binding.TF_ATTR_TYPE,
  value,
});

function batchNormAttributes(backend: NodeBackend, epsilon: unknown): object[] {
  return [
    typeAttribute(backend, 'T', DT_FLOAT),
    typeAttribute(backend, 'U', DT_FLOAT),
    { name: 'epsilon', type: backend.binding.TF_ATTR_FLOAT, value: epsilon },
    { name: 'data_format', type: backend.binding.TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: backend.binding.TF_ATTR_BOOL, value: true },
  ];
}

/** The places of labels, [labels, 3]: image, row and class. */
function places(labels: tf.Tensor): tf.Tensor2D {
  const rows = labels.shape[1]!;
  const found = [...labels.dataSync()].flatMap((label, i) =>
    label < 0 ? [] : [[Math.floor(i / rows), i % rows, label]],
  );
  return tf.tensor2d(found.flat(), [found.length, 3], 'int32');
}

/** The places of rows that have a label, [found, 2]: image and row. */
function rowsOf(labels: tf.Tensor, wanted: unknown): tf.Tensor2D {
  const rows = labels.shape[1]!;
  const found = [...labels.dataSync()].flatMap((label, i) =>
    label === wanted ? [[Math.floor(i / rows), i % rows]] : [],
  );
  return tf.tensor2d(found.flat(), [found.length, 2], 'int32');
}

const KERNELS: Record<string, Kernel> = {
  [SWISH]: ({ x }) => tf.tidy(() => tf.mul(x as tf.Tensor, tf.sigmoid(x as tf.Tensor))),
  [GATHER_BY_LABEL]: ({ x, labels }) =>
    tf.tidy(() => tf.gatherND(x as tf.Tensor, places(labels as tf.Tensor))),
  [SCATTER_ADD_BY_LABEL]: ({ x, labels, values }) =>
    tf.tidy(() => {
      const added = tf.scatterND(places(labels as tf.Tensor), values as tf.Tensor, x!.shape as [number]);
      return tf.add(x as tf.Tensor, added);
    }),
  [GATHER_ROWS]: ({ x, labels }, _, { label }) =>
    tf.tidy(() => tf.gatherND(x as tf.Tensor, rowsOf(labels as tf.Tensor, label))),
  [CLEAR_ROWS]: ({ x, labels }, _, { label }) =>
    tf.tidy(() => {
      const isKept = tf.notEqual(labels as tf.Tensor, label as number);
      return tf.where(tf.expandDims(isKept, 2), x as tf.Tensor, tf.zerosLike(x as tf.Tensor));
    }),
  [HALF_SQUARES]: ({ x }) => tf.tidy(() => tf.div(tf.sum(tf.square(x as tf.Tensor)), 2)),
  [RELU6_GRAD]: ({ dy, y }, backend) =>
    backend.executeSingleOutput('Relu6Grad', [typeAttribute(backend, 'T', DT_FLOAT)], [dy!, y!]),
  [SWISH_GRAD]: inputs =>
    tf.tidy(() => {
      const [dy, x] = [inputs.dy as tf.Tensor, inputs.x as tf.Tensor];
      const s = tf.sigmoid(x);
      return tf.mul(dy, tf.mul(s, tf.add(1, tf.mul(x, tf.sub(1, s)))));
    }),
  [NORMALISED_SWISH_GRAD]: ({ dy, x, mean, variance, scale, offset }, backend, { epsilon }) =>
    tf.tidy(() => {
      const [mu, square, gamma, beta] = [mean, variance, scale, offset] as tf.Tensor1D[];
      const again = tf.batchNorm(x as tf.Tensor, mu!, square!, beta, gamma, epsilon as number);
      return KERNELS[SWISH_GRAD]!({ dy: dy!, x: again }, backend, {}) as tf.Tensor;
    }),
  [FUSED_BATCH_NORM]: ({ x, scale, offset }, backend, { epsilon, activation }) => {
    const empty = (): tf.TensorInfo => tf.tensor1d([]);
    const inputs = [x!, scale!, offset!, empty(), empty()];
    const factor = { name: 'exponential_avg_factor', type: backend.binding.TF_ATTR_FLOAT, value: 1 };
    const [y, ...rest] = backend.executeMultipleOutputs(
      'FusedBatchNormV3',
      [...batchNormAttributes(backend, epsilon), factor],
      inputs,
      6,
    ) as [tf.TensorInfo, ...tf.TensorInfo[]];
    const result = activation === 'swish' ? (KERNELS[SWISH]!({ x: y }, backend, {}) as tf.TensorInfo) : y;
    return [result, ...rest];
  },
  [FUSED_BATCH_NORM_GRAD]: ({ dy, x, scale, reserve1, reserve2, reserve3 }, backend, { epsilon }) =>
    backend
      .executeMultipleOutputs(
        'FusedBatchNormGradV3',
        batchNormAttributes(backend, epsilon),
        [dy!, x!, scale!, reserve1!, reserve2!, reserve3!],
        5,
      )
      .slice(0, 3),
  [COMBINED_NMS]: ({ boxes, scores }, backend, { maxDetections, scoreThreshold, iouThreshold }) => {
    const attributes = ['pad_per_class', 'clip_boxes'].map(name => ({
      name,
      type: backend.binding.TF_ATTR_BOOL,
      value: false,
    }));
    const limit = (): tf.TensorInfo => tf.scalar(maxDetections as number, 'int32');
    const threshold = (value: unknown): tf.TensorInfo => tf.scalar(value as number);
    const inputs = [boxes!, scores!, limit(), limit(), threshold(iouThreshold), threshold(scoreThreshold)];
    return backend.executeMultipleOutputs('CombinedNonMaxSuppression', attributes, inputs, 4);
  },
  [GROUPED_NMS]: ({ boxes, scores }, backend, options) =>
    tf.tidy(() => {
      const { maxDetections, scoreThreshold, iouThreshold, sigma } = options as unknown as GroupedNms;
      const attributes = [
        typeAttribute(backend, 'T', DT_FLOAT),
        { name: 'pad_to_max_output_size', type: backend.binding.TF_ATTR_BOOL, value: true },
      ];
      const [batch, groups] = scores!.shape as [number, number];
      const rows = tf.unstack(scores as tf.Tensor).map(row => tf.unstack(row));
      const found = tf
        .unstack(boxes as tf.Tensor)
        .flatMap((shared, image) =>
          rows[image]!.map(row =>
            backend.executeMultipleOutputs(
              'NonMaxSuppressionV5',
              attributes,
              [
                shared,
                row,
                tf.scalar(maxDetections, 'int32'),
                tf.scalar(iouThreshold),
                tf.scalar(scoreThreshold),
                tf.scalar(sigma),
              ],
              3,
            ),
          ),
        );
      return [0, 1, 2].map(output => {
        const stacked = tf.stack(found.map(outputs => outputs[output] as tf.Tensor));
        return tf.reshape(stacked, [batch, groups, ...stacked.shape.slice(1)]);
      });
    }),
  [STATELESS_UNIFORM]: ({ seed }, backend, { shape }) => {
    const attributes = [
      typeAttribute(backend, 'dtype', DT_FLOAT),
      typeAttribute(backend, 'T', DT_INT32),
      typeAttribute(backend, 'Tseed', DT_INT32),
    ];
    return backend.executeSingleOutput('StatelessRandomUniform', attributes, [
      tf.tensor1d(shape as number[], 'int32'),
      seed!,
    ]);
  },
};

for (const [kernelName, kernel] of Object.entries(KERNELS)) {
  tf.registerKernel({
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, backend, attrs }) =>
      kernel(inputs as Inputs, backend as NodeBackend, (attrs ?? {}) as Record<string, unknown>),
  });
}
