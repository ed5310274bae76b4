import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { ServingConfig } from '../config/serving.js';
import { errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { Admission } from './admission.js';
import { createMetrics } from './metrics.js';
import { createRequestParser } from './request-parser.js';
import { ServedModel } from './served-model.js';
import { createServer } from './server.js';
import type { ModelSource } from './versions.js';

export interface ServeOptions {
  readonly config: ServingConfig;
  /** Where the models of the configuration lie, by name. */
  readonly sources: Readonly<Record<string, ModelSource>>;
  readonly settings: Settings;
  readonly log: Logger;
  /** Gives up while models are being loaded. */
  readonly signal: AbortSignal;
}

export interface Serving {
  /** http://HOST:PORT */
  readonly address: string;
  readonly models: readonly ServedModel[];
  /** Refuses new connections, answers what was asked for, ends; after `drain_seconds` in any case. */
  stop(): Promise<void>;
}

const IDLE_LOOK_MS = 50;

/** A folder counts as complete when nothing was written to it for so many looks. */
const SETTLED_POLLS = 2;

/** Loads models and answers for them over HTTP. Returns once all of them can be asked. */
export async function startServing(options: ServeOptions): Promise<Serving> {
  const { config, settings, log, signal } = options;
  const metrics = createMetrics(() =>
    models.flatMap(({ servables }) =>
      servables.map(({ model, version, waiting }) => ({
        model,
        version: String(version),
        images: waiting,
      })),
    ),
  );
  const models = Object.entries(options.sources).map(
    ([name, source]) =>
      new ServedModel({
        name,
        source,
        config: config.models[name]!,
        settledMs: SETTLED_POLLS * config.poll_seconds * 1000,
        settings,
        log,
        metrics,
        limits: { maxBatch: config.max_batch, timeoutMs: config.batch_timeout_ms },
        callSeconds: config.request_timeout_seconds,
      }),
  );
  const parser = createRequestParser(config.max_images);
  let isStopping = false;
  const server = createServer({
    config,
    metrics,
    log,
    parser,
    models: new Map(models.map(model => [model.name, model])),
    admission: new Admission(config.queue_length, inside => metrics.inFlight.set(inside)),
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
  const poll = setInterval(() => {
    for (const model of models)
      model.refresh().catch((error: unknown) => log.error({ err: error }, 'cannot look for versions'));
  }, config.poll_seconds * 1000);
  return {
    address: addressOf(server),
    models,
    stop: async () => {
      isStopping = true;
      clearInterval(poll);
      await drain(server, { seconds: config.drain_seconds, log });
      await endAll();
    },
  };
}

async function listen(server: FastifyInstance, { host, port }: ServingConfig): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw errors.addressUnusable(`${host}:${port}`, error);
  }
}

function addressOf(server: FastifyInstance): string {
  const { address, family, port } = server.server.address() as AddressInfo; // of a TCP server
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function drain(
  server: FastifyInstance,
  { seconds, log }: { seconds: number; log: Logger },
): Promise<void> {
  const late = setTimeout(() => {
    log.warn({ seconds }, 'requests were cut off');
    server.server.closeAllConnections();
  }, seconds * 1000);
  // Connections that were kept open for more are idle once their answer is written.
  const idle = setInterval(() => server.server.closeIdleConnections(), IDLE_LOOK_MS);
  await server.close().finally(() => {
    clearTimeout(late);
    clearInterval(idle);
  });
}
