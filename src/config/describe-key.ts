import { z } from 'zod';

/** The default of a key; undefined where the key has none. */
export const defaultOf = (schema: z.ZodType): unknown =>
  schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;

/** The help text of a key: its description and its default. */
export function describeKey(schema: z.ZodType, format: (value: unknown) => string = String): string {
  const value = defaultOf(schema);
  const description = schema.description ?? '';
  return value === undefined ? description : `${description}; default: ${format(value)}`;
}
