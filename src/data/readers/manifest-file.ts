import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { errors, messageOf } from '../../errors/index.js';

/** One line of a ModelArts manifest, independent of the spelling of its keys. */
export interface ManifestLine {
  readonly source: string;
  /** TRAIN, EVAL, TEST or INFERENCE; null: the line does not say. */
  readonly usage: string | null;
  /** The label files for object detection; empty: the image is not labelled. */
  readonly annotations: readonly string[];
}

/** Reads the JSON lines of a manifest. */
export async function readManifest(file: string): Promise<ManifestLine[]> {
  const lines: ManifestLine[] = [];
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number++;
    if (text.trim() === '') continue;
    try {
      lines.push(parseLine(JSON.parse(text)));
    } catch (cause) {
      throw errors.datasetUnreadable(file, new Error(`line ${number}: ${messageOf(cause)}`));
    }
  }
  return lines;
}

type Fields = ReadonlyMap<string, unknown>;

/** Keys are written with hyphens, underscores or capitals, depending on what wrote the manifest. */
function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('is not an object in braces');
  return new Map(
    Object.entries(value).map(([key, field]) => [
      key
        .replace(/([a-z])([A-Z])/g, '$1-$2')
        .replaceAll('_', '-')
        .toLowerCase(),
      field,
    ]),
  );
}

function parseLine(value: unknown): ManifestLine {
  const fields = fieldsOf(value);
  const source = fields.get('source');
  if (typeof source !== 'string' || source === '') throw new Error('source: has to be the path of an image');
  const usage = fields.get('usage');
  const annotations = fields.get('annotation') ?? fields.get('annotations') ?? [];
  if (!Array.isArray(annotations)) throw new Error('annotation: has to be a list');
  return {
    source,
    usage: typeof usage === 'string' && usage !== '' ? usage.toUpperCase() : null,
    annotations: annotations.flatMap(entry => locationOf(fieldsOf(entry))),
  };
}

/** The label file of an annotation for object detection; annotations of other types are ignored. */
function locationOf(annotation: Fields): string[] {
  const type = annotation.get('type');
  const location = annotation.get('annotation-loc');
  if (typeof type === 'string' && type.split('/').at(-1) !== 'object_detection') return [];
  return typeof location === 'string' && location !== '' ? [location] : [];
}

/** Resolves a path or file URL of a manifest against the manifest's folder. */
export const locate = (folder: string, path: string): string =>
  resolve(folder, path.startsWith('file://') ? decodeURIComponent(new URL(path).pathname) : path);
