import { readFile } from 'node:fs/promises';
import { errors } from '../errors/index.js';
import { checkFound, checkTruth } from './coco-checks.js';
import type { BboxXywh, CocoAnnotation, CocoFound, CocoId, CocoTruth } from './coco-format.js';
import { parseCocoJson } from './coco-json.js';

/** A COCO annotation file; what metrics do not need is passed over. The error of a bad file names the entry. */
export async function readTruth(file: string): Promise<CocoTruth> {
  const top = new Entry(file, await readJson(file));
  const truth = {
    images: top.list('images').map(image => ({
      id: image.id('id'),
      width: image.number('width', 0),
      height: image.number('height', 0),
      file_name: image.text('file_name', ''),
    })),
    annotations: top.list('annotations').map(readAnnotation),
    categories: top.list('categories').map(category => ({
      id: category.integer('id'),
      name: category.text('name', String(category.integer('id'))),
    })),
  };
  checkTruth(truth, file);
  return truth;
}

/** COCO's results format: a list of image_id, category_id, bbox, score. */
export async function readFound(file: string, truth: CocoTruth): Promise<CocoFound[]> {
  const found = new Entry(file, await readJson(file)).entries().map(entry => ({
    image_id: entry.id('image_id'),
    category_id: entry.integer('category_id'),
    bbox: entry.bbox(),
    score: entry.number('score'),
  }));
  checkFound(found, { source: file, truth });
  return found;
}

function readAnnotation(entry: Entry): CocoAnnotation {
  const bbox = entry.bbox();
  return {
    id: entry.id('id'),
    image_id: entry.id('image_id'),
    category_id: entry.integer('category_id'),
    bbox,
    area: entry.number('area', bbox[2] * bbox[3]),
    iscrowd: entry.flag('iscrowd') ? 1 : 0,
  };
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? errors.datasetMissing(file) : errors.datasetUnreadable(file, error);
  });
  try {
    return parseCocoJson(text);
  } catch (error) {
    throw errors.datasetUnreadable(file, error);
  }
}

/** A value of a file with its place; half a million of them must not cost a schema's time. */
class Entry {
  constructor(
    private readonly place: string,
    private readonly value: unknown,
  ) {}

  entries(): Entry[] {
    if (!Array.isArray(this.value)) throw this.#refusal('a list');
    return this.value.map((value, i) => new Entry(`${this.place}[${i}]`, value));
  }

  list(key: string): Entry[] {
    return new Entry(`${this.place}: ${key}`, this.#get(key)).entries();
  }

  number(key: string, absent?: number): number {
    const value = this.#get(key) ?? absent;
    return typeof value === 'number' ? value : this.#refuse(key, 'a number');
  }

  integer(key: string): number {
    const value = this.#get(key);
    return Number.isSafeInteger(value) ? Number(value) : this.#refuse(key, 'an integer');
  }

  id(key: string): CocoId {
    const value = this.#get(key);
    return typeof value === 'bigint' ? value : this.integer(key);
  }

  text(key: string, absent: string): string {
    const value = this.#get(key) ?? absent;
    return typeof value === 'string' ? value : this.#refuse(key, 'a text');
  }

  flag(key: string): boolean {
    const value = this.#get(key) ?? 0;
    return typeof value === 'number' || typeof value === 'boolean'
      ? Boolean(value)
      : this.#refuse(key, '0 or 1');
  }

  bbox(): BboxXywh {
    const value = this.#get('bbox');
    return isBbox(value) ? value : this.#refuse('bbox', 'x, y, width, height: four finite numbers');
  }

  #get(key: string): unknown {
    if (this.value === null || typeof this.value !== 'object' || Array.isArray(this.value))
      throw this.#refusal('an object');
    return (this.value as Record<string, unknown>)[key]; // of JSON.parse, hence with string keys
  }

  #refuse(key: string, allowed: string): never {
    throw errors.cocoEntryInvalid({ place: this.place, key, value: this.#get(key), allowed });
  }

  #refusal(allowed: string): Error {
    return errors.datasetUnreadable(this.place, new Error(`not ${allowed}`));
  }
}

const isBbox = (value: unknown): value is BboxXywh =>
  Array.isArray(value) && value.length === 4 && value.every(number => typeof number === 'number');
