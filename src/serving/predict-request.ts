import { AppError, type ErrorFacts, errors } from '../errors/index.js';
import type { DetectorInput } from '../inference/engine.js';

/** An image in a request: the bytes of a file, or pixel values. */
export type RequestImage = { readonly encoded: Uint8Array } | DetectorInput;

export interface PredictRequest {
  /** row (instances): one response for each image; column (inputs): tensors over all images. */
  readonly form: 'row' | 'column';
  readonly signatureName: string;
  /** The place of each image in the request, for errors. */
  readonly places: readonly string[];
  readonly images: readonly RequestImage[];
}

export const INPUT = 'images';
export const SIGNATURE = 'serving_default';

/** The result of a parser thread. An error is a value, as a thrown one would lose its code between threads. */
export type ParseResult = { readonly request: PredictRequest } | { readonly failure: ErrorFacts };

/**
 * Parses the JSON of a predict request in either form of TensorFlow Serving. `instances` is a list of images, `inputs` a
 * batch of them. An image is nested numbers [height, width, 3] or {"b64": file}. Both forms may name the input `images`.
 * Only `instances` may contain numbers of different sizes.
 */
export function parsePredictRequest(body: Uint8Array, maxImages: number): PredictRequest {
  const { instances, inputs, signature_name: signature = SIGNATURE, ...rest } = parseObject(body);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    throw invalid(unknown, 'unknown key; allowed: signature_name, and either instances or inputs');
  if (typeof signature !== 'string') throw invalid('signature_name', 'must be a string');
  if ((instances === undefined) === (inputs === undefined))
    throw invalid('request', 'must have either instances or inputs');
  const [form, place, written] =
    inputs === undefined
      ? (['row', 'instances', instances] as const)
      : (['column', 'inputs', unnamed(inputs, 'inputs')] as const);
  if (!Array.isArray(written) || written.length === 0)
    throw invalid(place, 'must be a list of at least one image');
  if (written.length > maxImages)
    throw errors.requestTooLarge(place, `${written.length} images, at most ${maxImages}`);
  const places = written.map((_, i) => `${place}[${i}]`);
  const images = written.map((one: unknown, i) =>
    readImage(form === 'row' ? unnamed(one, places[i]!) : one, places[i]!),
  );
  if (form === 'column') checkOneShape(images);
  return { form, signatureName: signature === '' ? SIGNATURE : signature, places, images };
}

/** Like `parsePredictRequest`, with errors as values. */
export function tryParsePredictRequest(body: Uint8Array, maxImages: number): ParseResult {
  try {
    return { request: parsePredictRequest(body, maxImages) };
  } catch (error) {
    return { failure: (error instanceof AppError ? error : errors.unexpected(error)).toJSON() };
  }
}

const invalid = (place: string, problem: string): AppError => errors.requestInvalid(place, problem);

function parseObject(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw invalid('request', `not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw invalid('request', 'must be a JSON object');
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Removes the optional name of the input. */
function unnamed(value: unknown, place: string): unknown {
  if (!isObject(value) || 'b64' in value) return value;
  const names = Object.keys(value);
  if (names.length === 1 && names[0] === INPUT) return value[INPUT];
  throw invalid(place, `has ${names.join(', ') || 'no input'}; allowed: ${INPUT}, the model's only input`);
}

function readImage(value: unknown, place: string): RequestImage {
  if (isObject(value)) return { encoded: readBase64(value, place) };
  return readValues(value, place);
}

function readBase64({ b64, ...rest }: Record<string, unknown>, place: string): Uint8Array {
  if (typeof b64 !== 'string' || Object.keys(rest).length > 0)
    throw invalid(place, 'must be {"b64": STRING} and nothing else');
  if (b64 === '' || b64.length % 4 === 1 || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(b64))
    throw invalid(place, 'b64 is not base64');
  return new Uint8Array(Buffer.from(b64, 'base64'));
}

/** Reads [height, width, 3] numbers, as bytes if all of them are bytes. */
function readValues(rows: unknown, place: string): DetectorInput {
  const [height, width] = [lengthOf(rows, place), lengthOf((rows as unknown[])[0], `${place}[0]`)];
  const values = new Float32Array(height * width * 3);
  let [at, areBytes] = [0, true];
  (rows as unknown[]).forEach((row, y) => {
    if (!Array.isArray(row) || row.length !== width)
      throw invalid(`${place}[${y}]`, `must be a list of ${width} pixels, like the first row`);
    for (let x = 0; x < width; x++) {
      const pixel: unknown = row[x];
      if (!Array.isArray(pixel) || pixel.length !== 3)
        throw invalid(`${place}[${y}][${x}]`, 'must be [red, green, blue]');
      for (const value of pixel as unknown[]) {
        if (typeof value !== 'number') throw invalid(`${place}[${y}][${x}]`, 'must be numbers');
        areBytes &&= Number.isInteger(value) && value >= 0 && value <= 255;
        values[at++] = value;
      }
    }
  });
  return { height, width, pixels: areBytes ? Uint8Array.from(values) : values };
}

function lengthOf(value: unknown, place: string): number {
  if (Array.isArray(value) && value.length > 0) return value.length;
  throw invalid(place, 'must be {"b64": STRING}, or numbers [height, width, 3] of at least one pixel');
}

/** A tensor has one shape. Encoded images are scalars whatever their size is. */
function checkOneShape(images: readonly RequestImage[]): void {
  const shapes = images.map(one => ('encoded' in one ? 'base64' : `[${one.height}, ${one.width}, 3]`));
  const other = shapes.findIndex(shape => shape !== shapes[0]);
  if (other >= 0)
    throw invalid(
      `inputs[${other}]`,
      `is ${shapes[other]}, inputs[0] ${shapes[0]}: a tensor has one shape; instances may differ`,
    );
}
