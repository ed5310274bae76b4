import { setMaxListeners } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServingConfig } from '../config/serving.js';
import { errors } from '../errors/index.js';
import type { Detection } from '../inference/engine.js';
import type { ConcurrencyLimit } from './concurrency-limit.js';
import type { ServingMetrics } from './metrics.js';
import type { ModelVersion } from './model-version.js';
import type { RequestImage } from './predict-request.js';
import { decodeRequestImage } from './request-image.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The images that the request holds of the concurrency limit. */
    acquiredImages: number;
    /** The version that serves the request; null: not known yet. */
    modelVersion: ModelVersion | null;
  }
}

export interface PredictContext {
  readonly config: ServingConfig;
  readonly concurrency: ConcurrencyLimit;
  readonly metrics: ServingMetrics;
}

/** nginx's status for a client that closed the connection before the response. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * A hook that applies the concurrency limit before the body is read, as refused requests should cost nothing. When the
 * connection of a request is done, also if the client left early, it releases the images and records the metrics.
 */
export const limitConcurrency =
  ({ concurrency, metrics }: PredictContext) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.raw.once('close', () => {
      concurrency.release(request.acquiredImages);
      const { modelVersion } = request;
      const labels = { model: modelVersion?.model ?? '', version: String(modelVersion?.version ?? '') };
      const code = reply.raw.writableFinished ? reply.statusCode : CLIENT_CLOSED_REQUEST;
      metrics.requests.inc({ ...labels, code });
      metrics.latency.observe(labels, reply.elapsedTime / 1000);
    });
    concurrency.acquire(1);
    request.acquiredImages = 1;
  };

interface PredictCall {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly modelVersion: ModelVersion;
  readonly images: readonly RequestImage[];
  /** The place of each image in the request, for errors. */
  readonly places: readonly string[];
}

/** Decodes the images of a request and detects objects in them. Stops at the time limit or if the client leaves. */
export async function detectInRequest(
  { request, reply, modelVersion, images, places }: PredictCall,
  { config, concurrency }: PredictContext,
): Promise<Detection[][]> {
  concurrency.acquire(images.length - request.acquiredImages);
  request.acquiredImages = images.length;
  const { max_megapixels: maxMegapixels, request_timeout_seconds: seconds } = config;
  const { image_size: imageSize } = modelVersion.loaded().card;
  const controller = new AbortController();
  setMaxListeners(images.length, controller.signal);
  const expire = (): void => controller.abort(errors.requestTimedOut(seconds));
  const timer = setTimeout(expire, Math.max(0, seconds * 1000 - reply.elapsedTime));
  reply.raw.once('close', expire);
  try {
    const decoded = await Promise.all(
      images.map(async (image, i) =>
        'encoded' in image
          ? decodeRequestImage(image.encoded, { place: places[i]!, maxMegapixels, imageSize })
          : image,
      ),
    );
    return await modelVersion.detect(decoded, controller.signal);
  } finally {
    clearTimeout(timer);
    reply.raw.off('close', expire);
  }
}
