import { XMLParser } from 'fast-xml-parser';
import type { BoxYxyx, LabelledBox } from '../boxes.js';

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: name => name === 'object',
});

interface VocObject {
  readonly name?: string;
  readonly difficult?: string;
  readonly bndbox?: Partial<Record<'xmin' | 'ymin' | 'xmax' | 'ymax', string>>;
  /** ModelArts' polygon: x1, y1, x2, y2, … */
  readonly polygon?: Readonly<Record<string, string>>;
  readonly circle?: Partial<Record<'cx' | 'cy' | 'r', string>>;
}
interface VocFile {
  readonly annotation?: {
    readonly filename?: string;
    readonly size?: { readonly width?: string; readonly height?: string };
    readonly object?: readonly VocObject[];
  };
}

export interface VocAnnotation {
  /** The name of the image, which may differ from that of the image beside it. */
  readonly filename: string | null;
  readonly boxes: readonly LabelledBox[];
  readonly declared: { readonly width: number; readonly height: number } | null;
}

/**
 * Parses a Pascal VOC file. Corners are in pixels from 0, as annotation tools write them; nothing is shifted.
 * @throws Error that says what is wrong with the XML
 */
export function parseVoc(xml: string): VocAnnotation {
  const { annotation } = parser.parse(xml, true) as VocFile; // every field is optional: files hold anything
  if (!annotation) throw new Error('no <annotation> element');
  const { filename, size, object = [] } = annotation;
  const [width, height] = [Number(size?.width), Number(size?.height)];
  return {
    filename: filename?.trim() || null,
    boxes: object.map(boxOf),
    declared: width > 0 && height > 0 ? { width, height } : null,
  };
}

function boxOf(object: VocObject): LabelledBox {
  const { name = '', difficult = '' } = object;
  const box = boxAround(object);
  return { box, label: name.trim(), crowd: false, difficult: /^(1|true)$/i.test(difficult.trim()) };
}

const number = (text = ''): number => (text.trim() === '' ? NaN : Number(text));

/** A missing number becomes NaN, and so does a shape without an area, such as a point: cleaning reports it. */
function boxAround({ bndbox, polygon, circle }: VocObject): BoxYxyx {
  if (!bndbox && polygon) {
    const along = (axis: 'x' | 'y'): number[] =>
      Object.entries(polygon).flatMap(([key, text]) =>
        /^[xy]\d+$/.test(key) && key.startsWith(axis) ? [number(text)] : [],
      );
    const [xs, ys] = [along('x'), along('y')];
    return [Math.min(...ys), Math.min(...xs), Math.max(...ys), Math.max(...xs)];
  }
  if (!bndbox && circle) {
    const [x, y, r] = [number(circle.cx), number(circle.cy), number(circle.r)];
    return [y - r, x - r, y + r, x + r];
  }
  return [number(bndbox?.ymin), number(bndbox?.xmin), number(bndbox?.ymax), number(bndbox?.xmax)];
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escapeXml = (text: string): string => text.replace(/[&<>]/g, character => ENTITIES[character]!);

export function writeVoc({
  filename,
  width,
  height,
  boxes,
}: {
  filename: string;
  width: number;
  height: number;
  boxes: readonly LabelledBox[];
}): string {
  const objects = boxes.map(
    ({ label, difficult, box: [ymin, xmin, ymax, xmax] }) =>
      `  <object><name>${escapeXml(label)}</name><difficult>${Number(difficult)}</difficult>` +
      `<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>\n`,
  );
  const size = `<size><width>${width}</width><height>${height}</height><depth>3</depth></size>`;
  return `<annotation>\n  <filename>${escapeXml(filename)}</filename>\n  ${size}\n${objects.join('')}</annotation>\n`;
}
