import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RULES } from './rules.js';
import type { AdviceInput, Suggestion } from './suggestion.js';

/** What to change, the most promising first. Where two change the same key, the stronger one keeps it. */
export function advise(input: AdviceInput): Suggestion[] {
  const found = RULES.flatMap(({ id, find }): Suggestion[] => {
    const finding = find(input);
    return finding ? [{ id, ...finding }] : [];
  }).sort((a, b) => b.priority - a.priority);
  const taken = new Set<string>();
  return found.flatMap(suggestion => {
    const keys = Object.keys(suggestion.patch);
    if (keys.some(key => taken.has(key))) return [];
    for (const key of keys) taken.add(key);
    return [suggestion];
  });
}

export const SUGGESTIONS_FILE = 'suggestions.json';

export const writeSuggestions = (folder: string, suggestions: readonly Suggestion[]): Promise<void> =>
  writeFile(join(folder, SUGGESTIONS_FILE), `${JSON.stringify(suggestions, null, 2)}\n`);
