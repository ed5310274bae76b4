import sharp from 'sharp';
import { element, PALETTE, svgDocument, text, type TextOptions } from '../images/svg.js';

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

const PLOT = { left: 56, top: 40, side: 400, legend: 210 } as const;
const SIZE = { width: PLOT.left + PLOT.side + PLOT.legend, height: PLOT.top + PLOT.side + 52 };

/** One curve per colour: more could not be distinguished. */
export const MAX_CURVES = PALETTE.length;

/** Draws curves over the unit square, as SVG. */
export function plotCurves(curves: readonly PlottedCurve[], { title, xName, yName }: PlotOptions): string {
  const { left, top, side } = PLOT;
  const middle = top + side / 2;
  return svgDocument(SIZE, [
    element('rect', { ...SIZE, fill: '#fff' }),
    dark(title, { x: left, y: 25, size: 15, weight: 600 }),
    ...grid(),
    dark(xName, { x: left + side / 2, y: top + side + 40, anchor: 'middle' }),
    element(
      'g',
      { transform: `rotate(-90 16 ${middle})` },
      dark(yName, { x: 16, y: middle, anchor: 'middle' }),
    ),
    ...PALETTE.flatMap((colour, i) => {
      const curve = curves[i];
      return curve ? [line(curve.points, colour), ...legendEntry(curve.name, { colour, row: i })] : [];
    }),
  ]);
}

export const renderPlot = (svg: string): Promise<Buffer> =>
  sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();

const dark = (content: string, options: Omit<TextOptions, 'size' | 'fill'> & { size?: number }): string =>
  text(content, { size: 12, fill: '#222', ...options });

const xOf = (x: number): number => PLOT.left + x * PLOT.side;
const yOf = (y: number): number => PLOT.top + (1 - y) * PLOT.side;

function grid(): string[] {
  const lines = [0, 0.2, 0.4, 0.6, 0.8, 1].flatMap(tick => {
    const d = `M${xOf(tick)} ${yOf(0)}V${yOf(1)}M${xOf(0)} ${yOf(tick)}H${xOf(1)}`;
    return [
      element('path', { d, stroke: '#e3e5e8', fill: 'none' }),
      dark(tick.toFixed(1), { x: xOf(tick), y: yOf(0) + 17, anchor: 'middle', size: 11 }),
      dark(tick.toFixed(1), { x: xOf(0) - 7, y: yOf(tick) + 4, anchor: 'end', size: 11 }),
    ];
  });
  const square = { x: xOf(0), y: yOf(1), width: PLOT.side, height: PLOT.side };
  return [...lines, element('rect', { ...square, fill: 'none', stroke: '#888' })];
}

function line(curve: PlottedCurve['points'], colour: string): string {
  const points = curve.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ');
  return element('polyline', {
    points,
    fill: 'none',
    stroke: colour,
    'stroke-width': 2,
    'stroke-linejoin': 'round',
  });
}

const LEGEND_LETTERS = 26;

function legendEntry(name: string, { colour, row }: { colour: string; row: number }): string[] {
  const [x, y] = [PLOT.left + PLOT.side + 16, PLOT.top + 14 + row * 21];
  const shortened = name.length > LEGEND_LETTERS ? `${name.slice(0, LEGEND_LETTERS - 1)}…` : name;
  return [
    element('path', { d: `M${x} ${y - 4}h18`, stroke: colour, 'stroke-width': 3 }),
    dark(shortened, { x: x + 25, y }),
  ];
}
