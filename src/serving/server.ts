import fastify, { type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { errors } from '../errors/index.js';
import { replyWithError } from './http-errors.js';
import { addModelRoutes, type RouteContext } from './model-routes.js';
import { addModelArtsRoute } from './modelarts-route.js';

const MIB = 2 ** 20;

export interface ServerContext extends RouteContext {
  readonly log: Logger;
  /** Whether requests shall come here. */
  readonly isReady: () => boolean;
}

/** The HTTP server, not listening yet. */
export function createServer(context: ServerContext): FastifyInstance {
  const { config, metrics, models, log, isReady } = context;
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: Math.ceil(config.max_body_mib * MIB),
    // Until the whole request has come: who sends a byte a minute holds no place.
    requestTimeout: config.request_timeout_seconds * 1000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1000 },
  }) as unknown as FastifyInstance;
  server.decorateRequest('admitted', 0);
  server.decorateRequest('servable', null);
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
