import { escapeXml } from '../../images/draw.js';
import type { Histogram } from './report.js';

/** Okabe–Ito: told apart by colour-blind people too. */
export const SPLIT_COLOURS = { train: '#0072b2', eval: '#e69f00' } as const;

const PLOT = { left: 44, top: 34, width: 330, height: 150 } as const;
const WIDTH = PLOT.left + PLOT.width + 10;
const HEIGHT = PLOT.top + PLOT.height + 40;

/** Bars of both splits side by side, as shares of their own totals: splits of unlike sizes compare. As SVG. */
export function plotHistograms(
  { train, eval: evaluation }: Readonly<Record<'train' | 'eval', Histogram>>,
  { title, xName }: { title: string; xName: string },
): string {
  const bins = Math.max(train.counts.length, evaluation.counts.length, 1);
  const first = firstBin([train, evaluation]);
  const shares = [sharesOf(train, { first, bins }), sharesOf(evaluation, { first, bins })] as const;
  const highest = Math.max(...shares.flat(), 0.01);
  const slot = PLOT.width / (bins - first);
  const bar = (
    share: number,
    { bin, side, colour }: { bin: number; side: number; colour: string },
  ): string => {
    const height = (share / highest) * PLOT.height;
    const x = PLOT.left + bin * slot + slot * (0.1 + side * 0.4);
    return `<rect x="${x.toFixed(1)}" y="${(PLOT.top + PLOT.height - height).toFixed(1)}" width="${(slot * 0.38).toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"/>`;
  };
  const bars = [SPLIT_COLOURS.train, SPLIT_COLOURS.eval].flatMap((colour, side) =>
    shares[side]!.map((share, bin) => bar(share, { bin, side, colour })),
  );
  const labels = Array.from({ length: bins - first }, (_, bin) =>
    text(binName(bin + first), {
      x: PLOT.left + (bin + 0.5) * slot,
      y: PLOT.top + PLOT.height + 15,
      anchor: 'middle',
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" role="img">`,
    text(title, { x: PLOT.left, y: 18, size: 13 }),
    text(`${(highest * 100).toFixed(0)} %`, { x: PLOT.left - 6, y: PLOT.top + 8, anchor: 'end' }),
    text('0', { x: PLOT.left - 6, y: PLOT.top + PLOT.height, anchor: 'end' }),
    `<path d="M${PLOT.left} ${PLOT.top}V${PLOT.top + PLOT.height}H${PLOT.left + PLOT.width}" fill="none" stroke="#999"/>`,
    ...bars,
    ...labels,
    text(xName, { x: PLOT.left + PLOT.width / 2, y: HEIGHT - 6, anchor: 'middle' }),
    '</svg>',
  ].join('');
}

/** Empty bins at the low end are not shown. */
function firstBin(histograms: readonly Histogram[]): number {
  const firsts = histograms.map(({ counts }) => counts.findIndex(count => count > 0)).filter(bin => bin >= 0);
  return Math.min(...firsts, firsts.length > 0 ? Infinity : 0);
}

function sharesOf({ counts }: Histogram, { first, bins }: { first: number; bins: number }): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Array.from({ length: bins - first }, (_, bin) =>
    total > 0 ? (counts[bin + first] ?? 0) / total : 0,
  );
}

/** Bins double: 0, 1, 2–3, 4–7, … */
const binName = (bin: number): string => (bin < 2 ? String(bin) : `${2 ** (bin - 1)}–`);

const text = (
  content: string,
  { x, y, size = 10, anchor = 'start' }: { x: number; y: number; size?: number; anchor?: string },
): string =>
  `<text x="${x.toFixed(1)}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="#333">${escapeXml(content)}</text>`;
