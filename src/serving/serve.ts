import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { ServingConfig } from '../config/serving.js';
import { errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { createMetrics, type ServingMetrics } from './metrics.js';
import { createRequestParser } from './request-parser.js';
import { ServedModel } from './served-model.js';
import { createServer } from './server.js';
import type { ModelSource } from './versions.js';

export interface ServeOptions {
  readonly config: ServingConfig;
  /** The locations of the models in the configuration, by name. */
  readonly sources: Readonly<Record<string, ModelSource>>;
  readonly settings: Settings;
  readonly log: Logger;
  /** Cancels the start while models are being loaded. */
  readonly signal: AbortSignal;
}

export interface Serving {
  /** http://HOST:PORT */
  readonly address: string;
  readonly models: readonly ServedModel[];
  /** Refuses new connections, completes pending requests and stops, after `drain_seconds` at the latest. */
  stop(): Promise<void>;
}

const CLOSE_IDLE_MS = 50;

/** A folder counts as complete if nothing was written to it for this number of polls. */
const SETTLED_POLLS = 2;

/** Loads models and serves them over HTTP. Returns once all of them are available. */
export async function startServing(options: ServeOptions): Promise<Serving> {
  const { config, log, signal } = options;
  const metrics = createMetrics(() => models.flatMap(queueLengthsOf));
  const models = createModels(options, metrics);
  const parser = createRequestParser(config.max_images);
  let isStopping = false;
  const server = createServer({
    config,
    metrics,
    log,
    parser,
    models: new Map(models.map(model => [model.name, model])),
    concurrency: new ConcurrencyLimit(config.queue_length, images => metrics.inFlight.set(images)),
    isReady: () => !isStopping && models.every(({ isReady }) => isReady),
  });
  const endAll = async (): Promise<void> => {
    for (const model of models) model.end();
    await parser.close();
  };
  try {
    await Promise.all(models.map(model => model.open(signal)));
    await listen(server, config);
  } catch (error) {
    await endAll();
    throw error;
  }
  const polling = setInterval(() => {
    for (const model of models)
      model.refresh().catch((error: unknown) => log.error({ err: error }, 'cannot search for versions'));
  }, config.poll_seconds * 1000);
  return {
    address: addressOf(server),
    models,
    stop: async () => {
      isStopping = true;
      clearInterval(polling);
      await drain(server, { seconds: config.drain_seconds, log });
      await endAll();
    },
  };
}

const createModels = (
  { config, sources, settings, log }: ServeOptions,
  metrics: ServingMetrics,
): ServedModel[] =>
  Object.entries(sources).map(
    ([name, source]) =>
      new ServedModel({
        name,
        source,
        config: config.models[name]!, // sources have the names of the configuration
        settledMs: SETTLED_POLLS * config.poll_seconds * 1000,
        settings,
        log,
        metrics,
        limits: { maxBatch: config.max_batch, timeoutMs: config.batch_timeout_ms },
        callSeconds: config.request_timeout_seconds,
      }),
  );

const queueLengthsOf = ({ versions }: ServedModel): { model: string; version: string; images: number }[] =>
  versions.map(({ model, version, waiting }) => ({ model, version: String(version), images: waiting }));

async function listen(server: FastifyInstance, { host, port }: ServingConfig): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw errors.addressUnusable(`${host}:${port}`, error);
  }
}

function addressOf(server: FastifyInstance): string {
  const { address, family, port } = server.server.address() as AddressInfo; // a TCP server has one
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function drain(
  server: FastifyInstance,
  { seconds, log }: { seconds: number; log: Logger },
): Promise<void> {
  const late = setTimeout(() => {
    log.warn({ seconds }, 'pending requests were aborted');
    server.server.closeAllConnections();
  }, seconds * 1000);
  // Keep-alive connections become idle once their response is written.
  const idle = setInterval(() => server.server.closeIdleConnections(), CLOSE_IDLE_MS);
  await server.close().finally(() => {
    clearTimeout(late);
    clearInterval(idle);
  });
}
