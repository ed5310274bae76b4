import { errors } from '../../errors/index.js';
import type { CocoMetrics } from '../../formats/coco-metrics.js';
import type { EngineName } from '../../settings.js';
import { type Call, defineCommand, optional, MODEL_HELP } from '../command.js';

interface Evaluated {
  /** Missing if detections were given instead of a model. */
  readonly model?: { readonly engine: EngineName };
  readonly metrics: CocoMetrics;
  /** On the test split; null: the data set has none. Missing if detections were given. */
  readonly test?: { readonly metrics: CocoMetrics } | null;
  readonly perClass: readonly {
    readonly name: string;
    readonly AP: number;
    readonly AP50: number;
    readonly AR100: number;
  }[];
}

const options = {
  model: optional('model', MODEL_HELP),
  data: optional(
    'dataset',
    'data set; its evaluation and test splits are used if it has them, otherwise all images',
  ),
  out: optional('dir', 'with --model: folder for the report, the detections and images with drawn boxes'),
  detections: optional('file', 'COCO results file: a list of image_id, category_id, bbox, score'),
  groundTruth: optional('file', 'COCO annotation file'),
};

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'compute COCO metrics of a model or of a detections file',
  notes: `detdistill evaluate --model MODEL --data DATASET
detdistill evaluate --detections FILE --ground-truth FILE`,
  options,
  json: true,
  async act(call) {
    const { renderClasses, renderMetrics } = await import('../metrics.js');
    const { metrics, test, perClass, model } = await evaluateNamed(call);
    call.terminal.result(
      { ...metrics, ...(test && { test: test.metrics }), perClass, ...(model && { engine: model.engine }) },
      () =>
        [
          renderMetrics(metrics),
          renderClasses(perClass),
          ...(test ? [`Test split:\n${renderMetrics(test.metrics)}`] : []),
        ].join('\n\n'),
    );
    if (model) call.terminal.say(`Inference engine: ${model.engine}.`);
  },
});

function evaluateNamed({ options: named, settings, terminal }: Call<typeof options>): Promise<Evaluated> {
  const { model, data, out, detections, groundTruth } = named;
  if (detections !== undefined && groundTruth !== undefined && model === undefined && data === undefined)
    return evaluateFiles(detections, groundTruth);
  if (model !== undefined && data !== undefined && detections === undefined && groundTruth === undefined)
    return import('../evaluate-model.js').then(({ evaluateModel }) =>
      evaluateModel({ model, dataset: data, out, settings, terminal }),
    );
  throw errors.usageWrong(
    'no complete set of inputs given',
    'use --model and --data, or --detections and --ground-truth',
  );
}

async function evaluateFiles(detections: string, groundTruth: string): Promise<Evaluated> {
  const { cocoMetrics } = await import('../../evaluation/coco.js');
  const { readDetections, readGroundTruth } = await import('../../evaluation/coco-files.js');
  const truth = await readGroundTruth(groundTruth);
  return cocoMetrics(truth, await readDetections(detections, truth));
}
