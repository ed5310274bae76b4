import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { mapConcurrently } from '../../concurrency.js';
import { messageOf } from '../../errors/index.js';
import type { Split } from '../../formats/dataset.js';
import type { RawDataset, RawSample } from '../raw-dataset.js';
import { findManifest } from './find-manifest.js';
import { locate, type ManifestLine, readManifest } from './manifest-file.js';
import { type DatasetReader, orderSamples } from './reader.js';
import { parseVoc } from '../../formats/voc-xml.js';

/** Reads a version of a ModelArts data set: a line for each image, with the address of its Pascal VOC file. */
export const manifest: DatasetReader = {
  format: 'manifest',
  needs: 'a .manifest file of ModelArts, or a folder with one',
  detect: async path => (await findManifest(path)) !== null,
  async read(path): Promise<RawDataset> {
    const file = await findManifest(path);
    if (file === null) return { format: 'manifest', samples: [], classLists: [], missing: [] };
    const lines = (await readManifest(file)).filter(({ usage }) => usage !== 'INFERENCE');
    const folder = dirname(resolve(file));
    const above = commonFolder(lines.map(({ source }) => source));
    const splitOf = splitsOf(lines);
    const samples = await mapConcurrently(lines, line =>
      readSample(folder, line, { above, split: splitOf(line) }),
    );
    return {
      format: 'manifest',
      samples: orderSamples(
        samples.filter(sample => sample !== null).map(sample => ({ sample, fullName: sample.image })),
      ),
      classLists: [],
      missing: [],
    };
  },
};

/**
 * EVAL lines are the evaluation split, and TEST lines the test split, or the evaluation split where there is no other. Lines
 * without a usage are split by hash later.
 */
function splitsOf(lines: readonly ManifestLine[]): (line: ManifestLine) => Split | 'unused' | null {
  const used = new Set(lines.map(({ usage }) => usage));
  const evaluation = ['EVAL', 'VALIDATION', 'TEST'].find(usage => used.has(usage));
  return ({ usage }) => {
    if (usage === null) return null;
    // Without an evaluation split, part of these lines is set aside later.
    if (usage === 'TRAIN') return evaluation === undefined ? null : 'train';
    if (usage === evaluation) return 'eval';
    return usage === 'TEST' ? 'test' : 'unused';
  };
}

/** The folder that all sources share: it is not part of a sample's id. */
function commonFolder(sources: readonly string[]): string {
  const [first = '', ...rest] = sources;
  let folder = first.slice(0, first.lastIndexOf('/') + 1);
  for (const source of rest)
    while (!source.startsWith(folder))
      folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  return folder;
}

async function readSample(
  folder: string,
  { source, annotations }: ManifestLine,
  { above, split }: { above: string; split: Split | 'unused' | null },
): Promise<RawSample | null> {
  if (split === 'unused') return null;
  const name = source.slice(above.length);
  const bare: RawSample = {
    id: name.slice(0, name.length - extname(name).length),
    split,
    image: locate(folder, source),
    annotation: annotations[0] === undefined ? null : locate(folder, annotations[0]),
    boxes: [],
    isBackground: false,
    labelledOn: 'unknown',
    declared: null,
    problem: null,
  };
  try {
    const files = annotations.map(location => locate(folder, location));
    const parsed = await Promise.all(files.map(async file => parseVoc(await readFile(file, 'utf8'))));
    return { ...bare, boxes: parsed.flatMap(({ boxes }) => boxes), declared: parsed[0]?.declared ?? null };
  } catch (error) {
    return { ...bare, problem: messageOf(error) };
  }
}
