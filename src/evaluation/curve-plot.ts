import sharp from 'sharp';
import { escapeXml } from '../images/draw.js';

export interface PlottedCurve {
  readonly name: string;
  /** x and y from 0 to 1. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface PlotOptions {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
}

/** The Okabe–Ito palette, which colour-blind people can distinguish too. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#8a6d00', '#555555'];

const PLOT = { left: 56, top: 40, side: 400, legend: 210 } as const;
const WIDTH = PLOT.left + PLOT.side + PLOT.legend;
const HEIGHT = PLOT.top + PLOT.side + 52;

/** One curve per colour: more could not be distinguished. */
export const MAX_CURVES = COLOURS.length;

/** Draws curves over the unit square, as SVG. */
export function plotCurves(curves: readonly PlottedCurve[], { title, xName, yName }: PlotOptions): string {
  const shown = curves.slice(0, MAX_CURVES);
  const { left, top, side } = PLOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(title, { x: left, y: 25, size: 15, weight: 600 }),
    grid(),
    text(xName, { x: left + side / 2, y: top + side + 40, anchor: 'middle' }),
    `<g transform="rotate(-90 16 ${top + side / 2})">${text(yName, { x: 16, y: top + side / 2, anchor: 'middle' })}</g>`,
    ...shown.map(({ points }, i) => line(points, COLOURS[i]!)),
    ...shown.map(({ name }, i) => legendEntry(name, i)),
    '</svg>',
  ].join('\n');
}

export const renderPlot = (svg: string): Promise<Buffer> =>
  sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();

interface TextOptions {
  readonly x: number;
  readonly y: number;
  readonly size?: number;
  readonly weight?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
}

const text = (content: string, { x, y, size = 12, weight = 400, anchor = 'start' }: TextOptions): string =>
  `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="#222">${escapeXml(content)}</text>`;

const xOf = (x: number): number => PLOT.left + x * PLOT.side;
const yOf = (y: number): number => PLOT.top + (1 - y) * PLOT.side;

function grid(): string {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const lines = ticks.map(
    tick =>
      `<path d="M${xOf(tick)} ${yOf(0)}V${yOf(1)}M${xOf(0)} ${yOf(tick)}H${xOf(1)}" stroke="#e3e5e8" fill="none"/>` +
      text(tick.toFixed(1), { x: xOf(tick), y: yOf(0) + 17, anchor: 'middle', size: 11 }) +
      text(tick.toFixed(1), { x: xOf(0) - 7, y: yOf(tick) + 4, anchor: 'end', size: 11 }),
  );
  const border = `<rect x="${xOf(0)}" y="${yOf(1)}" width="${PLOT.side}" height="${PLOT.side}" fill="none" stroke="#888"/>`;
  return lines.join('') + border;
}

function line(points: PlottedCurve['points'], colour: string): string {
  const path = points.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`;
}

const LEGEND_LETTERS = 26;

function legendEntry(name: string, i: number): string {
  const [x, y] = [PLOT.left + PLOT.side + 16, PLOT.top + 14 + i * 21];
  const cut = name.length > LEGEND_LETTERS ? `${name.slice(0, LEGEND_LETTERS - 1)}…` : name;
  return `<path d="M${x} ${y - 4}h18" stroke="${COLOURS[i]!}" stroke-width="3"/>${text(cut, { x: x + 25, y })}`;
}
