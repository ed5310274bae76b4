import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../errors/index.js';

/** The HTTP status of each error, as TensorFlow Serving maps its own: argument, not found, unavailable, deadline. */
const STATUS: Readonly<Record<string, number>> = {
  REQUEST_INVALID: 400,
  REQUEST_TOO_LARGE: 413,
  ROUTE_MISSING: 404,
  SERVABLE_MISSING: 404,
  SERVABLE_UNREADY: 503,
  SERVER_BUSY: 503,
  DETECTOR_CRASHED: 503,
  REQUEST_TIMED_OUT: 504,
};

/** The value of Retry-After in a 503 response. */
const RETRY_SECONDS = 1;

/** Responds with an error in the form of TensorFlow Serving. */
export function replyWithError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = statusOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (status === 503) void reply.header('retry-after', RETRY_SECONDS);
  else if (status >= 500) request.log.warn({ err: error, url: request.url }, 'request failed');
  return reply.code(status).send({ error: message });
}

/** fastify's own errors, for example for a body that is too large, carry their status. */
function statusOf(error: unknown): number {
  if (error instanceof AppError) return STATUS[error.code] ?? 500;
  return error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
}
