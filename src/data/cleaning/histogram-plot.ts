import type { Histogram } from '../../formats/cleaning-report.js';
import type { Split } from '../../formats/dataset.js';
import { element, PALETTE, svgDocument, text, type TextOptions } from '../../images/svg.js';

export const SPLIT_COLOURS = { train: PALETTE[0], eval: PALETTE[1], test: PALETTE[2] } as const;
/** The share of a bin that bars fill. */
const FILLED = 0.8;

const PLOT = { left: 44, top: 34, width: 330, height: 150 } as const;
const SIZE = { width: PLOT.left + PLOT.width + 10, height: PLOT.top + PLOT.height + 40 };

/** Bars of the splits side by side, each as a share of its own split, so that splits of different sizes compare. As SVG. */
export function plotHistograms(
  histograms: readonly (readonly [Split, Histogram])[],
  { title, xName }: { title: string; xName: string },
): string {
  const { left, top, width, height } = PLOT;
  const bins = Math.max(...histograms.map(([, { counts }]) => counts.length), 1);
  const first = firstBin(histograms.map(([, histogram]) => histogram));
  const shares = histograms.map(
    ([split, histogram]) => [split, sharesOf(histogram, { first, bins })] as const,
  );
  const highest = Math.max(...shares.flatMap(([, list]) => list), 0.01);
  const slot = width / (bins - first);
  const barShare = FILLED / shares.length;
  const bars = shares.flatMap(([split, list], side) =>
    list.map((share, bin) => {
      const barHeight = (share / highest) * height;
      return element('rect', {
        x: (left + bin * slot + slot * ((1 - FILLED) / 2 + side * barShare)).toFixed(1),
        y: (top + height - barHeight).toFixed(1),
        width: (slot * barShare * 0.95).toFixed(1),
        height: barHeight.toFixed(1),
        fill: SPLIT_COLOURS[split],
      });
    }),
  );
  const binNames = Array.from({ length: bins - first }, (_, bin) =>
    grey(binName(bin + first), { x: left + (bin + 0.5) * slot, y: top + height + 15, anchor: 'middle' }),
  );
  return svgDocument(SIZE, [
    grey(title, { x: left, y: 18, size: 13 }),
    grey(`${(highest * 100).toFixed(0)} %`, { x: left - 6, y: top + 8, anchor: 'end' }),
    grey('0', { x: left - 6, y: top + height, anchor: 'end' }),
    element('path', { d: `M${left} ${top}V${top + height}H${left + width}`, fill: 'none', stroke: '#999' }),
    ...bars,
    ...binNames,
    grey(xName, { x: left + width / 2, y: SIZE.height - 6, anchor: 'middle' }),
  ]);
}

const grey = (content: string, options: Omit<TextOptions, 'size' | 'fill'> & { size?: number }): string =>
  text(content, { size: 10, fill: '#333', ...options });

/** The first bin that holds anything; the empty ones below it are not shown. */
function firstBin(histograms: readonly Histogram[]): number {
  const firsts = histograms.map(({ counts }) => counts.findIndex(count => count > 0)).filter(bin => bin >= 0);
  return firsts.length > 0 ? Math.min(...firsts) : 0;
}

function sharesOf({ counts }: Histogram, { first, bins }: { first: number; bins: number }): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Array.from({ length: bins - first }, (_, bin) =>
    total > 0 ? (counts[bin + first] ?? 0) / total : 0,
  );
}

/** The width of bins doubles: 0, 1, 2–3, 4–7, … */
const binName = (bin: number): string => (bin < 2 ? String(bin) : `${2 ** (bin - 1)}–`);
