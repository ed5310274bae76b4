import { resolve } from 'node:path';
import { defineCommand, MODEL_HELP, needed, oneOf } from '../command.js';

export const exportCommand = defineCommand({
  name: 'export',
  args: '<model>',
  summary: 'write a model in a deployment format',
  notes: `MODEL: ${MODEL_HELP}.

frozen        One file. Input: images, float32 [N, height, width, 3], normalised as described in model.json.
              Outputs: class_predict_3 … 7 and box_predict_3 … 7, the raw maps of all levels. N is free.
onnx          One file. Input: images, float32 [N, height, width, 3], RGB, 0 to 255, scaled to fit at the top left.
              Outputs as saved-model: detection_boxes, detection_scores, detection_classes and num_detections. N is free.
onnx-network  One file with the network only. Inputs and outputs as frozen, but the channels of the maps come first.
saved-model   A folder with variables. Input: images of any size. Outputs: boxes, scores and classes.`,
  options: {
    format: oneOf(['frozen', 'onnx', 'onnx-network', 'saved-model'], 'deployment format, see below'),
    out: needed('path', 'output file, or output folder of saved-model'),
  },
  json: true,
  async act({ args: [named = ''], options: { format, out }, settings, terminal }) {
    const { EXPORT_FORMATS } = await import('../../export/formats.js');
    const { withModel } = await import('../with-model.js');
    await withModel(named, { settings, terminal }, model => EXPORT_FORMATS[format](model, resolve(out)));
    terminal.result({ model: named, format, out: resolve(out) }, () => `Written to ${out}`);
  },
});
