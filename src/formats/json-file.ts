import { readFile } from 'node:fs/promises';
import type { ZodType } from 'zod';
import type { AppError } from '../errors/index.js';

/** Reads a JSON file of a schema. @throws the error that `unreadable` makes: the file is missing, damaged or of another form */
export async function readJsonFile<T>(
  file: string,
  schema: ZodType<T>,
  unreadable: (file: string, cause: unknown) => AppError,
): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
