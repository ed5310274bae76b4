import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Language = 'zh-cn' | 'en-us';

interface Table {
  readonly top_left_cell: string;
  readonly row_labels: readonly string[];
  readonly col_labels: readonly string[];
  readonly cell_value: readonly (readonly (number | string | null)[])[];
}

interface LineChart {
  readonly x_axis_name: string;
  readonly y_axis_name: string;
  readonly x_axis_range: readonly [number, number];
  readonly y_axis_range: readonly [number, number];
  readonly curve: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>;
}

export interface PieChart {
  readonly label: readonly string[];
  readonly value: readonly number[];
}

export interface Operator {
  readonly title: string;
  readonly description: string;
  readonly value?: Readonly<Record<string, number | string>>;
  readonly table?: Readonly<Record<string, Table>>;
  readonly line_chart?: Readonly<Record<string, LineChart>>;
  readonly pie_chart?: Readonly<Record<string, PieChart>>;
}

/** ModelArts' model_analysis_results.json: per language, operators with values, tables and charts. */
export type ModelAnalysis = Readonly<Record<Language, Readonly<Record<string, Operator>>>>;

export async function writeModelAnalysis(folder: string, analysis: ModelAnalysis): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model_analysis_results.json'), `${JSON.stringify(analysis, null, 2)}\n`);
}
