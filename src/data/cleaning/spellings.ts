import type { Data } from '../../config/run.js';
import type { DatasetFinding } from '../../formats/cleaning-report.js';

/** How often labels are used, and where. */
interface LabelUse {
  /** The number of boxes by label. */
  readonly counts: ReadonlyMap<string, number>;
  /** The labels in each image. */
  readonly images: readonly ReadonlySet<string>[];
}

export interface Spellings {
  /** By label: the spelling that replaces it. */
  readonly replacements: ReadonlyMap<string, string>;
  readonly findings: readonly DatasetFinding[];
}

/** Equal for labels that differ only in blanks or Unicode form. */
const caseForm = (label: string): string => label.normalize('NFKC').replace(/\s+/g, ' ').trim();

/** Equal for labels that differ only in case, blanks or Unicode form. Upper case comes first because it expands ß. */
export const canonicalForm = (label: string): string => caseForm(label).toUpperCase().toLowerCase();

export const areSpellings = (a: string, b: string): boolean => canonicalForm(a) === canonicalForm(b);

/**
 * Finds labels that are other spellings of a class.
 * @param lists Names that people chose. Two names of one list are two classes, however similar they are.
 */
export function unifySpellings(
  use: LabelUse,
  { lists, data }: { lists: readonly (readonly string[])[]; data: Pick<Data, 'cleaning'> },
): Spellings {
  const replacements = new Map<string, string>();
  const findings: DatasetFinding[] = [];
  const listed = groupBy(new Set(lists.flat()), canonicalForm);
  for (const [form, labels] of groupBy(use.counts.keys(), canonicalForm)) {
    if (form === '') continue;
    const names = listed.get(form);
    if (names === undefined) {
      const spellings = unifyUnlisted(labels, use, data.cleaning.min_class_boxes);
      spellings.replacements.forEach((to, label) => replacements.set(label, to));
      findings.push(...spellings.findings);
    } else if (!lists.some(list => names.filter(name => list.includes(name)).length > 1))
      for (const label of labels) if (label !== names[0]!) replacements.set(label, names[0]!);
  }
  return { replacements, findings };
}

/** The spellings of one class that differ at most in blanks or Unicode form. */
interface Spelling {
  /** The most frequent one. */
  readonly name: string;
  readonly labels: readonly string[];
  readonly boxes: number;
}

/**
 * Joins the spellings of a label that no list names under the most frequent one. Single characters of different case stay
 * apart: in letters and signs, case has a meaning. Words of different case are mostly slips, even where both are frequent.
 */
function unifyUnlisted(labels: readonly string[], use: LabelUse, minBoxes: number): Spellings {
  const spellings = [...groupBy(labels, caseForm).values()]
    .map(group => spellingOf(group, use))
    .sort((a, b) => b.boxes - a.boxes);
  const [main, ...others] = spellings;
  if (!main) return { replacements: new Map(), findings: [] };
  const areCharacters = [...caseForm(main.name)].length === 1;
  const replacements = new Map<string, string>();
  for (const { name, labels: same } of spellings)
    for (const label of same) {
      const to = areCharacters ? name : main.name;
      if (label !== to) replacements.set(label, to);
    }
  const finding = areCharacters ? keptApart : joined;
  return { replacements, findings: others.flatMap(other => finding(main, other, { use, minBoxes })) };
}

function spellingOf(labels: readonly string[], { counts }: LabelUse): Spelling {
  const countOf = (label: string): number => counts.get(label) ?? 0;
  const [name = ''] = labels.toSorted((a, b) => countOf(b) - countOf(a));
  return { name, labels, boxes: labels.reduce((sum, label) => sum + countOf(label), 0) };
}

interface FindingContext {
  readonly use: LabelUse;
  readonly minBoxes: number;
}

function keptApart(main: Spelling, other: Spelling): DatasetFinding[] {
  const reason = `${described(main)} and ${described(other)} differ only in case: single characters stay apart, unless data.cleaning.label_map joins them`;
  return [{ rule: 'L09', reason, facts: { kept: [main.name, other.name] } }];
}

/** Says so where the two may be classes of their own: in one image, or each with enough boxes for a class. */
function joined(main: Spelling, other: Spelling, { use, minBoxes }: FindingContext): DatasetFinding[] {
  const together = use.images.filter(
    labels => main.labels.some(one => labels.has(one)) && other.labels.some(one => labels.has(one)),
  ).length;
  if (together === 0 && other.boxes < minBoxes) return [];
  const where = together === 0 ? '' : `, both occur in ${together} ${together === 1 ? 'image' : 'images'}`;
  const reason = `${described(other)} becomes ${described(main)}, from which it differs only in case${where}; if these are two classes, name both in data.classes, or each by itself in data.cleaning.label_map`;
  return [{ rule: 'L09', reason, facts: { from: other.name, to: main.name, imagesWithBoth: together } }];
}

const described = ({ name, boxes }: Spelling): string => `"${name}" (${boxes} ×)`;

function groupBy(labels: Iterable<string>, formOf: (label: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const label of labels) {
    const group = groups.get(formOf(label));
    if (group) group.push(label);
    else groups.set(formOf(label), [label]);
  }
  return groups;
}
