import { stripVTControlCharacters } from 'node:util';

/** Aligns columns, two blanks apart. @param right indices of right-aligned columns */
export function alignTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const columns = Math.max(0, ...rows.map(row => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(0, ...rows.map(row => widthOf(row[i] ?? ''))),
  );
  const lines = rows.map(row =>
    row
      .map((cell, i) => (right.includes(i) ? pad(cell, widths[i]!) + cell : cell + pad(cell, widths[i]!)))
      .join('  '),
  );
  return lines.map(line => line.trimEnd()).join('\n');
}

/** Colours have no width. */
const widthOf = (cell: string): number => stripVTControlCharacters(cell).length;
const pad = (cell: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(cell)));
