import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { analysisOf } from './analysis.js';
import type { EvidenceReport, Suggestion } from './suggestion.js';

/** suggestions.json for programs, and the same with the evaluation as ModelArts shows it. */
export async function writeSuggestions(
  folder: string,
  { report, suggestions }: { report: EvidenceReport; suggestions: readonly Suggestion[] },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, value: unknown): Promise<void> =>
    writeFile(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  await write('suggestions.json', suggestions);
  await write('model_analysis_results.json', analysisOf(report, suggestions));
}
