import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type Parsed, tryParsePredictRequest } from './predict-request.js';

/** A million numbers take long to read: the thread does, and hands their buffers over. */
export default function parse({ body, maxImages }: { body: Uint8Array; maxImages: number }): unknown {
  const parsed = tryParsePredictRequest(body, maxImages);
  return move({ [transferableSymbol]: buffersOf(parsed), [valueSymbol]: parsed });
}

const buffersOf = (parsed: Parsed): ArrayBufferLike[] =>
  'failure' in parsed
    ? []
    : parsed.request.images.map(one => ('encoded' in one ? one.encoded : one.pixels).buffer);
