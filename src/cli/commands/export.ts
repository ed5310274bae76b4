import { resolve } from 'node:path';
import { defineCommand, MODEL_HELP, needed, oneOf } from '../command.js';

export const exportCommand = defineCommand({
  name: 'export',
  args: '<model>',
  summary: 'a model in a form to deploy',
  notes: `MODEL is ${MODEL_HELP}.

frozen       one file. Input images: float32 [N, height, width, 3], normalised as model.json says;
             outputs class_predict_3 … 7 and box_predict_3 … 7: raw maps of every level. N is free.
onnx         one file. Input images: float32 [N, height, width, 3], RGB, 0 to 255, scaled to fit, top left; outputs
             detection_boxes, detection_scores, detection_classes and num_detections, as saved-model. N is free.
onnx-network one file. The network alone: inputs and outputs as frozen, but the maps' channels come first.
saved-model  a folder with variables; takes images of any size, gives boxes, scores and classes.`,
  options: {
    format: oneOf(['frozen', 'onnx', 'onnx-network', 'saved-model'], 'what is written'),
    out: needed('path', 'the file, or for saved-model the folder'),
  },
  json: true,
  async act({ args: [named], options: { format, out }, settings, terminal }) {
    const { COPIES, withModel } = await import('../model-folder.js');
    const copy = COPIES[format];
    await withModel(named!, { settings, terminal }, model => copy(model, resolve(out)));
    terminal.result({ model: named, format, out: resolve(out) }, () => `Written to ${out}`);
  },
});
