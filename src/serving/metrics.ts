import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const MODEL_LABELS = ['model', 'version'] as const;

/** Seconds, from a small model on a GPU to a large one on a CPU. */
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export type ServingMetrics = ReturnType<typeof createMetrics>;

/** The Prometheus metrics of the server. @param queueLengths images waiting, by model and version */
export function createMetrics(
  queueLengths: () => readonly { model: string; version: string; images: number }[],
) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: 'detdistill_serving_queue_images',
    help: 'Images waiting for the model',
    labelNames: MODEL_LABELS,
    registers,
    collect() {
      this.reset();
      for (const { images, ...labels } of queueLengths()) this.set(labels, images);
    },
  });
  return {
    registry,
    requests: new Counter({
      name: 'detdistill_serving_requests_total',
      help: 'Predict requests by HTTP status',
      labelNames: [...MODEL_LABELS, 'code'] as const,
      registers,
    }),
    latency: new Histogram({
      name: 'detdistill_serving_request_duration_seconds',
      help: 'Time from the head of a predict request to its response',
      labelNames: MODEL_LABELS,
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    batchImages: new Histogram({
      name: 'detdistill_serving_batch_images',
      help: 'Images in a batch',
      labelNames: MODEL_LABELS,
      buckets: BATCH_BUCKETS,
      registers,
    }),
    inFlight: new Gauge({
      name: 'detdistill_serving_in_flight_images',
      help: 'Images of requests in progress; a request counts as one image until its body is read',
      registers,
    }),
    loadSeconds: new Gauge({
      name: 'detdistill_serving_model_load_duration_seconds',
      help: 'Duration of the last load of the model',
      labelNames: MODEL_LABELS,
      registers,
    }),
    restarts: new Counter({
      name: 'detdistill_serving_model_restarts_total',
      help: 'Unexpected exits of the model process',
      labelNames: MODEL_LABELS,
      registers,
    }),
  };
}
