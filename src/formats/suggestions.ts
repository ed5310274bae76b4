import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../errors/index.js';
import { readJsonFile } from './json-file.js';

const Share = z.number().min(0).max(1);

/** A change that a rule suggests, with the evidence for it. */
export const Suggestion = z.strictObject({
  /** The rule, and its subject where it has one: unique in a list. */
  id: z.string(),
  rule: z.string(),
  severity: z.enum(['high', 'medium', 'low']),
  /** expected.gain × expected.confidence: the order of a list. */
  priority: z.number(),
  evidence: z.strictObject({
    metric: z.string(),
    value: z.number(),
    threshold: z.number(),
    /** The number of observations behind the value. */
    n: z.number(),
  }),
  expected: z.strictObject({
    /** An upper bound of the gain, from 0 to 1. */
    gain: z.number(),
    metric: z.enum(['AP', 'AP50', 'F1']),
    /** The confidence that the change brings some of the gain. */
    confidence: Share,
  }),
  advice: z.strictObject({ en: z.string(), zh: z.string() }),
  /** New values by their path in the run's configuration; empty where people have to act. */
  patch: z.record(z.string(), z.unknown()),
  cost: z.strictObject({
    kind: z.enum(['none', 'training', 'people']),
    /** In multiples of this run's training. */
    training: z.number(),
  }),
  /** The id of the stronger suggestion that sets the same key to another value; the patch is then empty. */
  yieldsTo: z.string().optional(),
});
export type Suggestion = Readonly<z.infer<typeof Suggestion>>;

/** The part of a suggestion that a run's result carries. */
export type SuggestionSummary = Pick<Suggestion, 'id' | 'severity' | 'advice'>;

const SUGGESTIONS_FILE = 'suggestions.json';

export async function writeSuggestions(folder: string, suggestions: readonly Suggestion[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, SUGGESTIONS_FILE), `${JSON.stringify(suggestions, null, 2)}\n`);
}

/** @throws REPORT_UNREADABLE */
export const readSuggestions = (folder: string): Promise<Suggestion[]> =>
  readJsonFile(join(folder, SUGGESTIONS_FILE), z.array(Suggestion), errors.reportUnreadable);
