import { Piscina } from 'piscina';
import { compiledModule } from '../package-root.js';
import { AppError } from '../errors/index.js';
import { type ParseResult, type PredictRequest, tryParsePredictRequest } from './predict-request.js';

export interface RequestParser {
  parse(body: Buffer): Promise<PredictRequest>;
  close(): Promise<void>;
}

/** Parsing up to this size takes about a millisecond, which a thread would not save. */
const SMALL_BYTES = 64 * 1024;

/** The message to the parser thread. */
export interface ParseTask {
  readonly body: Uint8Array;
  readonly maxImages: number;
}

/** Parses requests without blocking others: large ones in a thread. */
export function createRequestParser(maxImages: number): RequestParser {
  const filename = compiledModule('parse-thread.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 2 });
  return {
    parse: async body => {
      const parsed =
        body.length <= SMALL_BYTES
          ? tryParsePredictRequest(body, maxImages)
          : ((await pool.run({ body, maxImages } satisfies ParseTask)) as ParseResult); // see parse-thread.ts
      if ('failure' in parsed) throw AppError.from(parsed.failure);
      return parsed.request;
    },
    close: () => pool.destroy(),
  };
}
