import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sharp } from 'sharp';
import type { BoxYxyx } from '../../../src/boxes.js';
import type { z } from 'zod';
import { Data } from '../../../src/config/run.js';
import { cleanDataset } from '../../../src/data/cleaning/clean.js';
import {
  type CleaningReport,
  type LedgerEntry,
  readCleaningFindings,
} from '../../../src/formats/cleaning-report.js';
import { type CleanedDataset, readCleanedDataset } from '../../../src/formats/dataset.js';
import type { LabelledBox } from '../../../src/boxes.js';
import { writeVoc } from '../../../src/formats/voc-xml.js';
import { drawImage, temporaryFolder } from '../scene.js';

export const SIZE = { width: 100, height: 80 };
const SOUND_BOXES: readonly BoxYxyx[] = [[10, 10, 40, 40]];

type Labelled = Pick<LabelledBox, 'label' | 'box'>;

const isLabelled = (box: BoxYxyx | Labelled): box is Labelled => 'label' in box;

export interface VocItem {
  readonly boxes?: readonly (BoxYxyx | Labelled)[];
  /** PNG unless the name has an extension. */
  readonly image?: Sharp | Buffer;
  readonly declared?: { readonly width: number; readonly height: number };
  /** Instead of what the boxes say; null: no label file. */
  readonly xml?: string | null;
}

/** Writes images and labels side by side; each needs nothing but what is wrong with it. */
export async function writeVocSet(folder: string, items: Readonly<Record<string, VocItem>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, { boxes = SOUND_BOXES, image, declared = SIZE, xml }] of Object.entries(items)) {
    const file = name.includes('.') ? name : `${name}.png`;
    const content = image ?? drawImage(SIZE);
    await writeFile(
      join(folder, file),
      Buffer.isBuffer(content)
        ? content
        : await content.toFormat(file.endsWith('.jpg') ? 'jpeg' : 'png').toBuffer(),
    );
    const labelled = boxes.map(box => ({
      ...(isLabelled(box) ? box : { label: 'thing', box }),
      crowd: false,
      difficult: false,
    }));
    const text = xml ?? writeVoc({ filename: file, ...declared, boxes: labelled });
    if (xml !== null) await writeFile(join(folder, `${file.replace(/\.\w+$/, '')}.xml`), text);
  }
}

export interface Cleaned {
  readonly report: CleaningReport;
  readonly ledger: readonly LedgerEntry[];
  readonly dataset: CleanedDataset;
  readonly source: string;
  readonly outFolder: string;
}

/** Cleans a folder; a sound sample of its own evaluates unless `options.eval` says otherwise. */
export async function cleanFolder(
  source: string,
  options: Partial<z.input<typeof Data>> = {},
): Promise<Cleaned> {
  const root = await temporaryFolder();
  const [outFolder, evaluation] = [join(root, 'out'), join(root, 'eval')];
  await mkdir(outFolder);
  await writeVocSet(evaluation, { sound: {} });
  // The drawn images are alike and of few colours: what these two find is tested with others.
  const cleaning = { off: ['I07', 'I08', 'I09'] };
  const data = Data.parse({ train: source, eval: evaluation, cleaning, ...options });
  const report = await cleanDataset({ data, outFolder });
  const { ledger } = await readCleaningFindings(outFolder);
  const dataset = await readCleanedDataset(outFolder);
  return { report, ledger, dataset, source, outFolder };
}

/** Cleans a training set of a sound sample and these. */
export async function cleanItems(
  items: Readonly<Record<string, VocItem>>,
  options: Partial<z.input<typeof Data>> = {},
): Promise<Cleaned> {
  const source = await temporaryFolder();
  await writeVocSet(source, { 'a sound one': {}, ...items });
  return cleanFolder(source, options);
}
