import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const OF_MODEL = ['model', 'version'] as const;

/** Seconds: a small model on a GPU answers in milliseconds, a large one on a CPU in seconds. */
const LATENCIES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export type ServingMetrics = ReturnType<typeof createMetrics>;

/** What the server counts, in Prometheus' terms. @param queueLength images that wait, by model and version */
export function createMetrics(
  queueLength: () => readonly { model: string; version: string; images: number }[],
) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: 'detdistill_serving_queue_images',
    help: 'Images that wait for the model',
    labelNames: OF_MODEL,
    registers,
    collect() {
      this.reset();
      for (const { images, ...labels } of queueLength()) this.set(labels, images);
    },
  });
  return {
    registry,
    requests: new Counter({
      name: 'detdistill_serving_requests_total',
      help: 'Predict requests by the status that they were answered with',
      labelNames: [...OF_MODEL, 'code'] as const,
      registers,
    }),
    latency: new Histogram({
      name: 'detdistill_serving_request_seconds',
      help: 'From the head of a predict request to its answer',
      labelNames: OF_MODEL,
      buckets: LATENCIES,
      registers,
    }),
    batchImages: new Histogram({
      name: 'detdistill_serving_batch_images',
      help: 'Images that the model looked at together',
      labelNames: OF_MODEL,
      buckets: BATCHES,
      registers,
    }),
    inFlight: new Gauge({
      name: 'detdistill_serving_in_flight_images',
      help: 'Images of requests that are not answered yet; a request counts as one until it is read',
      registers,
    }),
    loadSeconds: new Gauge({
      name: 'detdistill_serving_model_load_seconds',
      help: 'How long the last loading of the model took',
      labelNames: OF_MODEL,
      registers,
    }),
    restarts: new Counter({
      name: 'detdistill_serving_model_restarts_total',
      help: "How often a model's process ended by itself",
      labelNames: OF_MODEL,
      registers,
    }),
  };
}
