import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { RunResult, TrainedCheckpoints } from '../stages/run-status.js';
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
    renderTest(result),
    renderCheckpoints(result.checkpoints),
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

/** The figures on images that chose nothing; without such images, what that means for the others. */
function renderTest({ test, checkpoints: { student } }: RunResult): string {
  const rows = test && [
    ...(test.teacher ? [['teacher', ...figuresOf(test.teacher)]] : []),
    ['student', ...figuresOf(test.student)],
  ];
  if (rows)
    return `Test split, not used to choose the checkpoint:\n${alignTable([['', 'AP', 'AP50'], ...rows], [1, 2])}`;
  return student.evaluations > 1
    ? 'These figures are optimistic, as the same evaluation split chose the checkpoint: the data set has no test split.'
    : 'The data set has no test split. The evaluation split did not choose the checkpoint, as it was evaluated once.';
}

function renderCheckpoints({ teacher, student }: RunResult['checkpoints']): string {
  const rows = (role: Role, { best, last }: TrainedCheckpoints): string[][] => [
    [`${role}, best`, String(best.step), ...figuresOf(best.metrics)],
    [`${role}, last`, String(last.step), ...figuresOf(last.metrics)],
  ];
  const table = alignTable(
    [['', 'step', 'AP', 'AP50'], ...(teacher ? rows('teacher', teacher) : []), ...rows('student', student)],
    [1, 2, 3],
  );
  const sentences = [
    ...(teacher ? [describeChoice('teacher', teacher)] : []),
    describeChoice('student', student),
  ];
  return `Checkpoints on the evaluation split:\n${table}\n${sentences.join('\n')}`;
}

function describeChoice(role: Role, { best, last, evaluations }: TrainedCheckpoints): string {
  if (best.step === last.step) return `The last step of the ${role} is its best one, and is exported.`;
  const gap = formatMetric(best.metrics.AP - last.metrics.AP);
  return `The best of ${evaluations} evaluations of the ${role} is exported; its AP is ${gap} above that of the last step.`;
}

const figuresOf = ({ AP, AP50 }: CocoMetrics): string[] => [AP, AP50].map(formatMetric);

const indent = (text: string): string => text.replace(/^/gm, '  ');
