import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type ParseResult, tryParsePredictRequest } from './predict-request.js';
import type { ParseTask } from './request-parser.js';

/** The thread that parses large requests. It transfers the buffers of the images. */
export default function parse({ body, maxImages }: ParseTask): unknown {
  const parsed = tryParsePredictRequest(body, maxImages);
  return move({ [transferableSymbol]: buffersOf(parsed), [valueSymbol]: parsed });
}

const buffersOf = (parsed: ParseResult): ArrayBufferLike[] =>
  'failure' in parsed
    ? []
    : parsed.request.images.map(one => ('encoded' in one ? one.encoded : one.pixels).buffer);
