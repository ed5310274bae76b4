import { z } from 'zod';
import { closest } from './closest.js';

/** Formats zod's issues for people: place, value found, what is allowed, and for an unknown key the nearest known one. */
export function describeIssues(error: z.ZodError, schema: z.ZodType): string[] {
  return error.issues.flatMap(issue => {
    const place = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [`${place || '(top)'}: ${issue.message}${foundIn(issue)}`];
    const known = knownKeys(schema, issue.path);
    return issue.keys.map(key => {
      const hint =
        known.length > 0 ? `; did you mean ${closest(key, known)}? allowed: ${known.join(', ')}` : '';
      return `${[place, key].filter(Boolean).join('.')}: unknown key${hint}`;
    });
  });
}

/** The rejected value, which needs `reportInput`. Sections are left out, as they are too long. */
function foundIn({ input }: { readonly input?: unknown }): string {
  return input === undefined || typeof input === 'object' ? '' : `; found ${JSON.stringify(input)}`;
}

/** Keys of the object schema at a path. Looks through defaults, nullables and transforms. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const object = unwrap(schema);
  if (!(object instanceof z.ZodObject)) return [];
  const shape = object.shape as Record<string, z.ZodType>;
  const [head, ...rest] = path;
  if (head === undefined) return Object.keys(shape);
  const child = shape[String(head)];
  return child ? knownKeys(child, rest) : [];
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType);
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}
