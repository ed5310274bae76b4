import damerauLevenshtein from 'damerau-levenshtein';
import { isRuleOn } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import { errors } from '../../errors/index.js';
import type { DatasetFinding } from '../../formats/cleaning-report.js';
import type { RawDataset } from '../raw-dataset.js';
import { areSpellings, canonicalForm, unifySpellings } from './spellings.js';

/** How the labels of a data set are read, decided from all of them together. */
export interface LabelPlan {
  /** By label as written: the label that replaces it, and why. */
  readonly changes: ReadonlyMap<string, { readonly to: string; readonly reason: string }>;
  /** By label after the changes: another label that may be meant. Only a person can decide. */
  readonly suggestions: ReadonlyMap<string, string>;
  /** The number of boxes of each label after the changes. */
  readonly counts: ReadonlyMap<string, number>;
  /** Decisions about spellings that people should look at. */
  readonly findings: readonly DatasetFinding[];
}

/** Shorter words often differ in one letter without being typos. */
const MIN_TYPO_LETTERS = 4;

/** Applies data.cleaning.label_map, unifies spellings, and finds labels that look like typos of others. */
export function planLabels({ samples, classLists }: RawDataset, data: Data): LabelPlan {
  const { label_map: labelMap } = data.cleaning;
  const written = countLabels(samples.flatMap(({ boxes }) => boxes.map(({ label }) => label)));
  const changes = new Map(
    Object.entries(labelMap)
      .filter(([from, to]) => written.has(from) && from !== to)
      .map(([from, to]) => [from, { to, reason: `data.cleaning.label_map replaces "${from}" by "${to}"` }]),
  );
  const labelOf = (label: string): string => changes.get(label)?.to ?? label;
  const counted = (): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const [label, times] of written)
      counts.set(labelOf(label), (counts.get(labelOf(label)) ?? 0) + times);
    return counts;
  };
  const findings: DatasetFinding[] = [];
  if (isRuleOn('L09', data)) {
    const images = samples.map(({ boxes }) => new Set(boxes.map(({ label }) => labelOf(label))));
    const spellings = unifySpellings(
      { counts: counted(), images },
      { lists: [...(data.classes ? [data.classes] : classLists), Object.values(labelMap)], data },
    );
    findings.push(...spellings.findings);
    for (const label of written.keys()) {
      const to = spellings.replacements.get(labelOf(label));
      if (to !== undefined)
        changes.set(label, {
          to,
          reason: `"${label}" differs from "${to}" only in case, blanks or Unicode form`,
        });
    }
  }
  const counts = counted();
  return {
    changes,
    counts,
    findings,
    suggestions: data.classes ? similarClasses(counts, data.classes) : findTypos(counts, data),
  };
}

function countLabels(labels: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Whether one letter is missing, added or replaced, or two are swapped. Different numbers are no typos. */
function isTypo(a: string, b: string): boolean {
  const [one, other] = [canonicalForm(a), canonicalForm(b)];
  if (Math.min(one.length, other.length) < MIN_TYPO_LETTERS) return false;
  if (one.replace(/\d/g, '') === other.replace(/\d/g, '')) return false;
  return damerauLevenshtein(one, other).steps <= 1;
}

function findTypos(counts: ReadonlyMap<string, number>, { cleaning }: Data): Map<string, string> {
  const typos = new Map<string, string>();
  const byCount = [...counts].sort(([, a], [, b]) => b - a);
  for (const [rare, times] of byCount) {
    const common = byCount.find(
      ([label, often]) =>
        // Spellings that are still there were told apart on purpose.
        times < cleaning.max_typo_share * often && !areSpellings(rare, label) && isTypo(rare, label),
    );
    if (common) typos.set(rare, common[0]);
  }
  return typos;
}

function similarClasses(
  counts: ReadonlyMap<string, number>,
  classes: readonly string[],
): Map<string, string> {
  const known = new Set(classes);
  return new Map(
    [...counts.keys()].flatMap(label => {
      const similar = known.has(label) ? undefined : classes.find(name => isTypo(label, name));
      return similar === undefined ? [] : [[label, similar] as const];
    }),
  );
}

/** Rejects all unknown labels at once. Known are the configured classes, else those of the data set's own list. */
export function assertLabelsKnown({ samples, classLists }: RawDataset, data: Data, plan: LabelPlan): void {
  const allowed = data.classes ?? listedClasses(classLists);
  if (!allowed) return;
  const known = new Set(allowed);
  const unknown = new Map<string, { file: string; label: string; times: number; meant?: string }>();
  for (const { annotation, image, boxes } of samples)
    for (const { label: written } of boxes) {
      const label = plan.changes.get(written)?.to ?? written;
      if (known.has(label) || label === '') continue;
      const first = { file: annotation ?? image, label, times: 0, meant: plan.suggestions.get(label) };
      const place = unknown.get(label) ?? first;
      unknown.set(label, { ...place, times: place.times + 1 });
    }
  if (unknown.size > 0) throw errors.labelUnknown({ places: [...unknown.values()], allowed });
}

/** The configured classes; else those of the data set's own list that have boxes; else the labels of the boxes, sorted. */
export function chooseClasses(labels: Iterable<string>, { classLists }: RawDataset, data: Data): string[] {
  if (data.classes) return [...data.classes];
  const used = new Set(labels);
  const classes = listedClasses(classLists);
  return classes ? classes.filter(name => used.has(name)) : [...used].sort();
}

/** null: the data set has no list. */
const listedClasses = (lists: RawDataset['classLists']): string[] | null =>
  lists.length === 0 ? null : [...new Set(lists.flat())];
