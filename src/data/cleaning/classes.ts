import type { Data } from '../../config/run.js';
import { errors } from '../../errors/index.js';
import type { LabelPlan } from './labels.js';
import type { Source } from './splits.js';

/** Refuses labels that are no class, all at once: the configured list counts, else the data set's own. */
export function assertLabelsKnown({ samples, classes }: Source, data: Data, plan: LabelPlan): void {
  const allowed = data.classes ?? classes;
  if (!allowed) return;
  const known = new Set(allowed);
  const unknown = new Map<string, { file: string; label: string; times: number; meant?: string }>();
  for (const { sample } of samples)
    for (const { label: written } of sample.boxes) {
      const label = plan.changes.get(written)?.to ?? written;
      if (known.has(label) || label === '') continue;
      const place = unknown.get(label) ?? {
        file: sample.annotation ?? sample.image,
        label,
        times: 0,
        meant: plan.suggestions.get(label),
      };
      unknown.set(label, { ...place, times: place.times + 1 });
    }
  if (unknown.size > 0) throw errors.labelUnknown({ places: [...unknown.values()], allowed });
}

/** The configured list; else the data set's own without names that nothing is labelled with; else the names found, sorted. */
export function chooseClasses(labels: Iterable<string>, source: Source, data: Data): string[] {
  if (data.classes) return [...data.classes];
  const found = new Set(labels);
  return source.classes ? source.classes.filter(name => found.has(name)) : [...found].sort();
}
