import type { Report } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import type { ErrorClassification } from './error-classification.js';

const BINS = 5;

/** Recall of small to large boxes: bins of equal count, as ModelArts' sensitivity tables have them. */
export function recallBySize(
  { truth, images, truthImage }: MatchedScene,
  { falseNegatives }: ErrorClassification,
): Report['sizeRecall'] {
  const isLost = new Set(falseNegatives.map(({ annotation }) => annotation));
  const boxes = truth.annotations
    .map(({ bbox: [, , width, height], iscrowd }, index) => {
      const image = images[truthImage[index]!]!;
      const share = (width * height) / Math.max(1, image.width * image.height);
      return { share, iscrowd, isFound: !isLost.has(index) };
    })
    .filter(({ iscrowd }) => iscrowd === 0)
    .sort((a, b) => a.share - b.share);
  const edge = (bin: number): number => Math.floor((boxes.length * bin) / BINS);
  return Array.from({ length: BINS }, (_, bin) => {
    const list = boxes.slice(edge(bin), edge(bin + 1));
    return {
      from: list[0]?.share ?? 0,
      to: list.at(-1)?.share ?? 0,
      boxes: list.length,
      recall: list.length === 0 ? null : list.filter(({ isFound }) => isFound).length / list.length,
    };
  });
}
