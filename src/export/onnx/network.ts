import { FROZEN_INPUT, type ModelCard } from '../../formats/model-card.js';
import { errors } from '../../errors/index.js';
import { prune } from '../../graph/graph.js';
import type { FrozenNetwork } from '../network.js';
import { encodeModel, type Port } from '../../onnx/model.js';
import { OPERATIONS } from './operations.js';
import { Translation } from './translation.js';

/**
 * The network alone as an ONNX model. Input `images` float32 [N, height, width, 3], normalised, as the frozen graph takes it;
 * outputs class_predict_L and box_predict_L, one for each level, [N, 9 · classes or 36, h, w]: channels come first.
 */
export function onnxNetwork({ input, outputs }: FrozenNetwork, card: ModelCard): Uint8Array {
  const graph = prune(outputs);
  const translation = new Translation(graph);
  const [height, width] = card.image_size;
  const images: Port = { name: FROZEN_INPUT, type: 'float32', shape: ['N', height, width, 3] };
  const ports: Port[] = [];
  for (const node of graph) {
    if (node === input)
      // The only change of layout.
      translation.set(
        node,
        translation.emit(
          { op: 'Transpose', inputs: [FROZEN_INPUT], attributes: { perm: [0, 3, 1, 2] } },
          { name: `${FROZEN_INPUT}_channels_first`, shape: [-1, height, width, 3] },
        ),
      );
    else if (outputs.includes(node)) {
      const inputs = [translation.nameOf(node.inputs[0]!)];
      const { shape } = translation.valueOf(node.inputs[0]!);
      translation.emit({ op: 'Identity', inputs }, { name: node.name, shape });
      ports.push({ name: node.name, type: 'float32', shape: ['N', shape[3]!, shape[1]!, shape[2]!] });
    } else {
      const operation = OPERATIONS[node.op];
      if (!operation) throw errors.onnxUnsupported(node.op, 'of a network');
      translation.set(node, operation(translation, node));
    }
  }
  return encodeModel({
    name: card.model_name,
    nodes: translation.nodes,
    initializers: translation.initializers,
    inputs: [images],
    outputs: ports,
    metadata: Object.fromEntries(Object.entries(card).map(([key, value]) => [key, textOf(value)])),
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
