import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { RunResult } from '../stages/run-status.js';
import type { Role } from '../formats/train-io.js';
import { formatMetric } from './format.js';
import { renderStages } from './progress/run-display.js';
import { alignTable } from './table.js';

export interface Expected {
  /** The AP50 that a run file promises. */
  readonly AP50: Readonly<Record<Role, number>>;
}

/** Shows a finished run: stages, metrics of both models, suggestions and output paths. */
export function renderResult(result: RunResult, expected?: Expected): string {
  const { stages, suggestions, warnings } = result;
  const warned = (['teacher', 'student'] as const).flatMap(role =>
    warnings[role].map(warning => [role, warning]),
  );
  const advice = suggestions.map(({ severity, id, advice: { en } }) => [severity, id, en]);
  return [
    renderStages(stages),
    renderMetrics(result, expected),
    ...(warned.length > 0 ? [`Warnings:\n${indent(alignTable(warned))}`] : []),
    advice.length > 0 ? `Suggestions:\n${indent(alignTable(advice))}` : 'No suggestions.',
    `Output:\n${indent(alignTable(Object.entries(placesOf(result))))}`,
  ].join('\n\n');
}

/** The paths of a finished run's output. The folder may be the URL of a bucket. */
export const placesOf = ({ folder, teacher }: Pick<RunResult, 'folder' | 'teacher'>) => ({
  model: `${folder}/model`,
  report: `${folder}/evaluation/report.json`,
  image: `${folder}/evaluation/images/detections.png`,
  suggestions: `${folder}/suggestions/suggestions.json`,
  ...(teacher && { teacher: `${folder}/teacher` }),
});

function renderMetrics({ teacher, student }: RunResult, expected?: Expected): string {
  const row = (role: Role, { AP, AP50 }: CocoMetrics): string[] => [
    role,
    ...[AP, AP50, ...(expected ? [expected.AP50[role]] : [])].map(formatMetric),
  ];
  return alignTable(
    [
      ['', 'AP', 'AP50', ...(expected ? ['AP50 expected'] : [])],
      ...(teacher ? [row('teacher', teacher)] : []),
      row('student', student),
    ],
    [1, 2, 3],
  );
}

const indent = (text: string): string => text.replace(/^/gm, '  ');
