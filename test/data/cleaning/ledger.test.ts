import { describe, expect, it } from 'vitest';
import { RULES } from '../../../src/data/cleaning/rules.js';
import type { LedgerEntry } from '../../../src/formats/cleaning-report.js';
import type { LabelledBox } from '../../../src/boxes.js';
import { voc } from '../../../src/data/readers/voc.js';
import { drawImage } from '../scene.js';
import { type Cleaned, cleanItems, SIZE, type VocItem } from './voc-set.js';

type Labelled = Pick<LabelledBox, 'box' | 'label' | 'crowd'>;

/** What was before a rule's findings about one image, from what was after them. */
function undoRule(after: readonly Labelled[], findings: readonly LedgerEntry[]): readonly Labelled[] {
  return findings.reduce((boxes, { action, at, before }) => {
    if (action === 'warn') return boxes;
    if (at !== undefined) {
      const box = before as LabelledBox;
      return action === 'drop-box' ? boxes.toSpliced(at, 0, box) : boxes.with(at, box);
    }
    return (before as { boxes?: LabelledBox[] }).boxes ?? boxes;
  }, after);
}

/** Boxes of every image before cleaning, from what cleaning left behind: the rules backwards. */
function undo({ ledger, dataset }: Cleaned): Map<string, readonly Labelled[]> {
  const samples = [...dataset.splits.train, ...dataset.splits.eval];
  const cleaned = new Map(
    samples.map(({ original, boxes }) => [
      original,
      boxes.map(({ box, crowd, classIndex }) => ({ box, crowd, label: dataset.classes[classIndex]! })),
    ]),
  );
  const files = new Set([...cleaned.keys(), ...ledger.map(({ file }) => file)]);
  const undone = [...files].map(file => {
    const start: readonly Labelled[] = cleaned.get(file) ?? [];
    return [
      file,
      RULES.toReversed().reduce(
        (boxes, { id }) =>
          undoRule(
            boxes,
            ledger.filter(entry => entry.file === file && entry.rule === id),
          ),
        start,
      ),
    ] as const;
  });
  return new Map(undone);
}

const plain = (boxes: readonly Labelled[]): unknown[] =>
  boxes.map(({ box, label, crowd }) => ({ box: [...box], label, crowd }));

const broken: VocItem = {
  boxes: [
    [10, 10, 10, 40],
    [-10, 20, 10, 40],
    [1, 2, 30, 40],
    [30, 10, 20, 40],
    [1, 2, 30, 40],
    [50, 50, 70, 70],
    [200, 200, 240, 240],
  ],
};
const large = { width: 410, height: 170 };

const DEFECTS: Record<string, VocItem> = {
  broken,
  lost: { boxes: [[10, 10, 10, 40], [30, 10, 20, 40]] }, // prettier-ignore
  'cut.jpg': { image: Buffer.from('x'), boxes: [[1, 1, 30, 30], [2, 2, 2, 2]] }, // prettier-ignore
  'turned.jpg': {
    image: drawImage(SIZE).withMetadata({ orientation: 6 }),
    boxes: [[1, 2, 30, 40], [-3, 3, 40, 30]], // prettier-ignore
  },
  huge: {
    image: drawImage(large),
    declared: large,
    boxes: [[41, 83, 121, 207], [7, 13, 7, 40], [7, 13, 31, 43]], // prettier-ignore
  },
  difficult: {
    xml: `<annotation><object><name>thing</name><difficult>1</difficult><bndbox><xmin>5</xmin><ymin>5</ymin>
      <xmax>40</xmax><ymax>40</ymax></bndbox></object></annotation>`,
  },
};

describe('the ledger', () => {
  it('undoes what was done to every image, box by box', async () => {
    const cleaned = await cleanItems(DEFECTS, {
      cleaning: { off: ['I07', 'I08', 'I09'], max_image_side: 150, wrong_order: 'drop' },
    });
    const undone = undo(cleaned);
    const { samples } = await voc.read(cleaned.source);
    for (const { image, boxes } of samples) expect(plain(undone.get(image)!), image).toEqual(plain(boxes));
    const rules = new Set(cleaned.ledger.map(({ rule }) => rule));
    expect([...rules].sort()).toEqual(['I01', 'I03', 'I05', 'L03', 'L04', 'L05', 'L07', 'L11', 'L13']);
  });

  it('counts in the report what it lists', async () => {
    const { report, ledger } = await cleanItems({ broken });
    const counts = Object.fromEntries(
      report.rules.filter(({ id, found }) => found > 0 && id !== 'L10').map(({ id, found }) => [id, found]),
    );
    expect(counts).toEqual({ L03: 1, L04: 1, L05: 2, L07: 1 });
    expect([report.dropped, report.changed]).toEqual([4, 1]);
    expect(ledger).toHaveLength(5);
  });

  it('has one row a rule', () => {
    const ids = RULES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('leads from every cleaned image to its original', async () => {
    const { dataset, source } = await cleanItems(DEFECTS);
    const originals = new Set((await voc.read(source)).samples.map(({ image }) => image));
    for (const { original } of dataset.splits.train) expect(originals.has(original), original).toBe(true);
  });
});
