import type { Size } from './decode.js';

/** Colours that colour-blind readers can tell apart (Okabe and Ito). */
export const PALETTE = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#d55e00',
  '#56b4e9',
  '#8a6d00',
  '#555555',
] as const;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, character => ENTITIES[character] ?? character);

type Attributes = Readonly<Record<string, string | number>>;

/** @param content markup between the tags */
export function element(name: string, attributes: Attributes, content = ''): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  return `<${name}${list.join('')}${content === '' ? '/>' : `>${content}</${name}>`}`;
}

export function svgDocument({ width, height }: Size, shapes: readonly string[]): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    'font-family': 'sans-serif',
    role: 'img',
  };
  return element('svg', attributes, shapes.join('\n'));
}

export interface TextOptions {
  /** Position of the baseline. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly fill: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly weight?: number;
}

export const text = (
  content: string,
  { x, y, size, fill, anchor = 'start', weight = 400 }: TextOptions,
): string =>
  element(
    'text',
    { x, y, 'font-size': size, 'font-weight': weight, 'text-anchor': anchor, fill },
    escapeXml(content),
  );
