import { setMaxListeners } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServingConfig } from '../config/serving.js';
import type { Detection } from '../inference/engine.js';
import { errors } from '../errors/index.js';
import type { Admission } from './admission.js';
import { decodeRequestImage } from './decode.js';
import type { ServingMetrics } from './metrics.js';
import type { RequestImage } from './predict-request.js';
import type { Servable } from './servable.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Images that it was let in with; 0: it asks for none. */
    admitted: number;
    /** The version that answers, once that is known. */
    servable: Servable | null;
  }
}

export interface LookContext {
  readonly config: ServingConfig;
  readonly admission: Admission;
  readonly metrics: ServingMetrics;
}

/** Lets a request in before its body is read, since what is refused should cost nothing; counts it once it is over. */
export const admit =
  ({ admission, metrics }: LookContext) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // Also where the client goes before it is answered.
    reply.raw.once('close', () => {
      admission.leave(request.admitted);
      const { servable } = request;
      const labels = { model: servable?.model ?? '', version: String(servable?.version ?? '') };
      const code = reply.raw.writableFinished ? reply.statusCode : CLIENT_GONE;
      metrics.requests.inc({ ...labels, code });
      metrics.latency.observe(labels, reply.elapsedTime / 1000);
    });
    admission.enter(1);
    request.admitted = 1;
  };

/** nginx's status of requests that nobody waits for any more. */
const CLIENT_GONE = 499;

/** Decodes the images of a request and has the model look at them, as long as somebody waits for it. */
export async function look(
  { request, reply, servable }: { request: FastifyRequest; reply: FastifyReply; servable: Servable },
  { images, places }: { images: readonly RequestImage[]; places: readonly string[] },
  { config, admission }: LookContext,
): Promise<Detection[][]> {
  admission.enter(images.length - request.admitted);
  request.admitted = images.length;
  const { max_megapixels: maxMegapixels, request_timeout_seconds: seconds } = config;
  const controller = new AbortController();
  setMaxListeners(images.length, controller.signal);
  const expire = (): void => controller.abort(errors.requestTimedOut(seconds));
  const timer = setTimeout(expire, Math.max(0, seconds * 1000 - reply.elapsedTime));
  reply.raw.once('close', expire);
  try {
    const decoded = await Promise.all(
      images.map(async (one, i) =>
        'encoded' in one ? decodeRequestImage(one.encoded, { place: places[i]!, maxMegapixels }) : one,
      ),
    );
    return await servable.detect(decoded, controller.signal);
  } finally {
    clearTimeout(timer);
    reply.raw.off('close', expire);
  }
}
