import { errors } from '../../errors.js';
import { defineCommand, optional } from '../command.js';

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'COCO metrics of a model on a data set, or of a file of detections',
  notes: `Either  detdistill evaluate --model DIR --data DATASET
or      detdistill evaluate --detections FILE --ground-truth FILE   (COCO's own JSON formats)`,
  options: {
    model: optional('dir', "a run's model/ folder"),
    data: optional('dataset', 'data set whose pictures are all evaluated on'),
    detections: optional('file', 'COCO results: a list of image_id, category_id, bbox, score'),
    groundTruth: optional('file', 'COCO annotations'),
  },
  json: true,
  async act({ options: { detections, groundTruth }, terminal }) {
    if (detections === undefined || groundTruth === undefined)
      throw errors.usageWrong(
        'what is to be evaluated is incomplete',
        'give --model and --data, or --detections and --ground-truth',
      );
    const { cocoMetrics } = await import('../../evaluation/coco.js');
    const { readDetections, readGroundTruth } = await import('../coco-files.js');
    const { renderClasses, renderMetrics } = await import('../metrics.js');
    const truth = await readGroundTruth(groundTruth);
    const { metrics, perClass } = cocoMetrics(truth, await readDetections(detections, truth));
    terminal.result({ metrics, perClass }, () => `${renderMetrics(metrics)}\n\n${renderClasses(perClass)}`);
  },
});
