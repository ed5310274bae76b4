import { Piscina } from 'piscina';
import { compiledModule } from '../package-root.js';
import { AppError } from '../errors/index.js';
import { type Parsed, type PredictRequest, tryParsePredictRequest } from './predict-request.js';

export interface RequestParser {
  parse(body: Buffer): Promise<PredictRequest>;
  close(): Promise<void>;
}

/** Up to here reading takes about a millisecond, which a thread would not save. */
const SMALL_BYTES = 64 * 1024;

/** Reads requests without holding up others: long ones in a thread. */
export function createRequestParser(maxImages: number): RequestParser {
  const filename = compiledModule('parse-thread.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 2 });
  return {
    parse: async body => {
      const parsed =
        body.length <= SMALL_BYTES
          ? tryParsePredictRequest(body, maxImages)
          : ((await pool.run({ body, maxImages })) as Parsed); // of parse-thread
      if ('failure' in parsed) throw AppError.from(parsed.failure);
      return parsed.request;
    },
    close: () => pool.destroy(),
  };
}
