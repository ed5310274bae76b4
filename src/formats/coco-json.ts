import { isInteger, parse } from 'lossless-json';
import type { z } from 'zod';
import { AppError, errors } from '../errors/index.js';
import { type ListVisitors, readJsonLists } from './json-lists.js';

/**
 * Reads the named lists of a COCO file entry by entry.
 * @throws DATA_MISSING or DATA_UNREADABLE, with the place in the file
 */
export async function readCocoLists(file: string, visitors: ListVisitors): Promise<void> {
  const frame = await readJsonLists(file, visitors, { parse: parseCocoJson }).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw isMissing ? errors.datasetMissing(file) : errors.datasetUnreadable(file, error);
  });
  for (const name of Object.keys(visitors)) {
    const list = name === '' ? frame : isRecord(frame) && frame[name];
    const place = name === '' ? file : `${file}: ${name}`;
    if (!Array.isArray(list)) throw errors.datasetUnreadable(place, new Error('not a list'));
  }
}

/**
 * Checks an entry against its schema, whose messages say what is allowed.
 * @param place the file and the position in its list
 * @throws COCO_ENTRY_INVALID, with place, key and value
 */
export function checkEntry<T>(schema: z.ZodType<T>, entry: unknown, place: string): T {
  const { success, data, error } = schema.safeParse(entry);
  if (success) return data;
  const [issue] = error.issues;
  const key = issue?.path[0];
  if (!issue || key === undefined || !isRecord(entry))
    throw errors.datasetUnreadable(place, new Error('not an object'));
  const name = String(key);
  throw errors.cocoEntryInvalid({ place, key: name, value: entry[name], allowed: issue.message });
}

/** Parses JSON as Python writes it: numbers may not be finite, and ids beyond 2^53 become bigints. */
function parseCocoJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Either Python's NaN and Infinity, or an error that names its position.
    return parseSlowly(text);
  }
  return hasInexactId(value) ? parseSlowly(text) : value;
}

const ID_KEYS: readonly string[] = ['id', 'image_id', 'category_id'];

const hasInexactId = (value: unknown): boolean =>
  isRecord(value) && ID_KEYS.some(key => Math.abs(Number(value[key])) > Number.MAX_SAFE_INTEGER);

/** A noncharacter, which texts do not contain: it marks numbers that JSON cannot write. */
const MARK = '\ufdd0';
const STRING_OR_NOT_FINITE = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

function parseSlowly(text: string): unknown {
  const marked = text.replace(STRING_OR_NOT_FINITE, token =>
    token.startsWith('"') ? token : `"${MARK}${token}"`,
  );
  return parse(marked, revive, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
}

/** Exact where the value is an integer, as ids are. */
function parseNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) || !isInteger(text) ? value : BigInt(text);
}

function revive(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return ID_KEYS.includes(key) ? value : Number(value);
  return typeof value === 'string' && value.startsWith(MARK) ? Number(value.slice(MARK.length)) : value;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
