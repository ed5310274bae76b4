import * as tf from '@tensorflow/tfjs-core';
import { familyOf } from '../config/families.js';
import { detect } from '../detection/detect.js';
import { FROZEN_INPUT, frozenOutput, type ModelCard } from '../formats/model-card.js';
import { gridOf } from '../detection/anchors.js';
import { errors } from '../errors/index.js';
import { first, Graph, type Node, type Output } from '../graph/graph.js';
import { ProgramBuilder } from '../graph/program.js';
import { recordingBackend } from '../graph/recording-backend.js';
import type { Variables, VariableSpec } from '../graph/variables.js';
import { efficientDet, type Outputs } from '../model/efficientdet.js';
import type { Weights } from '../model/weights/weights.js';
import { imagesToInput, toImages } from './image-nodes.js';

/** Variables whose values are constants of the graph. */
const frozen = (weights: Weights): Variables => ({
  read: ({ name, shape }: VariableSpec) => {
    const found = weights.get(name);
    if (!found) throw errors.weightMissing(name);
    return tf.tensor(found.values, [...shape]);
  },
  follow: () => undefined,
});

const networkOf = (card: ModelCard, variables: Variables, images: tf.Tensor4D): Outputs =>
  efficientDet(images, {
    family: familyOf(card.model_name),
    numClasses: card.classes.length,
    training: false,
    variables,
  });

export interface FrozenNetwork {
  /** The placeholder `images`, float32 [N, height, width, 3], normalised. */
  readonly input: Node;
  /** The raw maps of every level, [N, h, w, 9 · classes] of the class head, then [N, h, w, 36] of the box head. */
  readonly outputs: readonly Node[];
}

/** The graph of the network alone, with its weights as constants. */
export function frozenNetwork(card: ModelCard, weights: Weights): FrozenNetwork {
  const graph = new Graph();
  const [height, width] = card.image_size;
  const input = graph.placeholder(FROZEN_INPUT, 'float32', [-1, height, width, 3]);
  const outputs = recordingBackend.record(graph, () => {
    const images = recordingBackend.tensorOf(input, {
      shape: [1, height, width, 3],
      dtype: 'float32',
    }) as tf.Tensor4D;
    const { classLogits, boxDeltas } = graph.within('network', () =>
      networkOf(card, frozen(weights), images),
    );
    const name = (head: 'class' | 'box', maps: readonly tf.Tensor4D[]): Output[] =>
      maps.map((map, i) => {
        const attributes = { T: { type: 'float32' } } as const;
        const options = { stateful: true, name: frozenOutput(head, card.levels[0] + i), attributes };
        return first(graph.add('Identity', [recordingBackend.outputOf(map)], options));
      });
    return [...name('class', classLogits), ...name('box', boxDeltas)].map(({ node }) => node);
  });
  return { input: input.node, outputs };
}

/** `serving_default`: images of any size and number in, detections in their own pixels out. */
export function servingProgram(card: ModelCard): ProgramBuilder {
  const builder = new ProgramBuilder();
  const { graph } = builder;
  const input = graph.placeholder('images', 'float32', [-1, -1, -1, 3]);
  const fitted = imagesToInput(graph, input, card);
  const [height, width] = card.image_size;
  builder.record('network', variables => {
    const images = recordingBackend.tensorOf(fitted.input, {
      shape: [1, height, width, 3],
      dtype: 'float32',
    }) as tf.Tensor4D;
    const detections = detect(networkOf(card, variables, images), {
      anchors: gridOf(card),
      numClasses: card.classes.length,
      nms: card.nms_configs,
    });
    const outputs = toImages(graph, fitted, {
      boxes: recordingBackend.outputOf(detections.boxes),
      scores: recordingBackend.outputOf(detections.scores),
      classes: recordingBackend.outputOf(detections.classes),
      count: recordingBackend.outputOf(detections.count),
    });
    const float = (output: Output, shape: readonly number[]) => ({
      output,
      dtype: 'float32' as const,
      shape,
    });
    builder.graphSignature('serving_default', {
      inputs: { images: float(input, [-1, -1, -1, 3]) },
      outputs: {
        detection_boxes: float(outputs.boxes, [-1, card.nms_configs.max_output_size, 4]),
        detection_classes: float(outputs.classes, [-1, card.nms_configs.max_output_size]),
        detection_scores: float(outputs.scores, [-1, card.nms_configs.max_output_size]),
        num_detections: float(outputs.count, [-1]),
      },
    });
  });
  builder.addSaver();
  return builder;
}
