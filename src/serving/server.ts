import fastify, { type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { errors } from '../errors/index.js';
import { replyWithError } from './http-errors.js';
import { addModelRoutes, type RouteContext } from './model-routes.js';
import { addModelArtsRoute } from './modelarts-route.js';

const MIB = 2 ** 20;

export interface ServerContext extends RouteContext {
  readonly log: Logger;
  /** Whether the server can serve requests. */
  readonly isReady: () => boolean;
}

/** The HTTP server, not listening yet. */
export function createServer(context: ServerContext): FastifyInstance {
  const { config, metrics, models, log, isReady } = context;
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: Math.ceil(config.max_body_mib * MIB),
    // The time limit for receiving a request: slow clients cannot hold connections.
    requestTimeout: config.request_timeout_seconds * 1000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1000 },
  }) as unknown as FastifyInstance;
  server.decorateRequest('acquiredImages', 0);
  server.decorateRequest('modelVersion', null);
  server.setErrorHandler(replyWithError);
  server.setNotFoundHandler(request => {
    throw errors.routeMissing(request.method, request.url);
  });
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const ready = isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  for (const path of ['/metrics', '/monitoring/prometheus/metrics'])
    server.get(path, async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
  void server.register(async scope => addModelRoutes(scope, context));
  const [model, ...others] = models.values();
  if (model && others.length === 0) addModelArtsRoute(server, model, context);
  return server;
}
