import type protobuf from 'protobufjs';
import type { Node } from './graph.js';
import { DATA_TYPES, graphProto, message } from './graph-def.js';

/** TensorFlow's names of element types, by number. */
const TYPE_NAMES = new Map<unknown, string>(
  Object.entries(DATA_TYPES).map(([name, value]) => [
    value,
    name === 'float32' ? 'DT_FLOAT' : `DT_${name.toUpperCase()}`,
  ]),
);

/** A graph in protocol buffers' text format: graph.pbtxt, for people and for TensorBoard. */
export function graphText(nodes: readonly Node[]): string {
  const type = message('GraphDef');
  const lines: string[] = [];
  print(type, type.fromObject(graphProto(nodes)) as unknown as Record<string, unknown>, {
    lines,
    indent: '',
  });
  return `${lines.join('\n')}\n`;
}

interface Target {
  readonly lines: string[];
  readonly indent: string;
}

function print(type: protobuf.Type, value: Record<string, unknown>, target: Target): void {
  for (const field of type.fieldsArray) {
    field.resolve();
    if (!Object.hasOwn(value, field.name)) continue;
    const held = value[field.name];
    if (field.map) {
      for (const [key, entry] of Object.entries(held as Record<string, unknown>))
        block(field.name, target, inner => {
          inner.lines.push(`${inner.indent}key: ${scalar(key)}`);
          printField('value', entry, { field, target: inner });
        });
    } else
      for (const one of field.repeated ? (held as unknown[]) : [held])
        printField(field.name, one, { field, target });
  }
}

function printField(
  name: string,
  value: unknown,
  { field, target }: { field: protobuf.Field; target: Target },
): void {
  const { resolvedType } = field;
  if (resolvedType && 'fieldsArray' in resolvedType)
    return block(name, target, inner => print(resolvedType, value as Record<string, unknown>, inner));
  const isType = (name === 'type' || name === 'dtype') && field.type === 'int32';
  target.lines.push(`${target.indent}${name}: ${(isType && TYPE_NAMES.get(value)) || scalar(value)}`);
}

function block(name: string, { lines, indent }: Target, body: (inner: Target) => void): void {
  lines.push(`${indent}${name} {`);
  body({ lines, indent: `${indent}  ` });
  lines.push(`${indent}}`);
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return quote(Buffer.from(value));
  if (value instanceof Uint8Array) return quote(value);
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  return String(value as number | boolean);
}

/** C's escapes: what is not plain ASCII as three octal digits. */
const quote = (bytes: Uint8Array): string => `"${Array.from(bytes, escaped).join('')}"`;

function escaped(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === '"' || character === '\\') return `\\${character}`;
  return byte >= 0x20 && byte < 0x7f ? character : `\\${byte.toString(8).padStart(3, '0')}`;
}
