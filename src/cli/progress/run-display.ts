import type { StageName } from '../../formats/stage-io.js';
import type { StageStatus } from '../../formats/run-status.js';
import type { RunningActivity, RunView } from '../../runs/runs.js';
import { formatDuration } from '../format.js';
import { alignTable } from '../table.js';
import type { Colours } from '../terminal.js';
import { renderLearning, renderPace } from './stage.js';

const MARKS: Readonly<Record<StageStatus['state'], (colours: Colours) => string>> = {
  waiting: ({ dim }) => dim('·'),
  running: ({ cyan }) => cyan('▶'),
  paused: ({ yellow }) => yellow('‖'),
  done: ({ green }) => green('✓'),
  reused: ({ green }) => green('✓'),
  failed: ({ red }) => red('✗'),
  cancelled: ({ yellow }) => yellow('✗'),
};

/** What a stage that runs said last. */
export const activityOf = (stage: StageName, { progress }: RunView): RunningActivity | undefined =>
  progress.find(({ step }) => step === stage);

/** The stages of a run with their states; below a running one, how far it is. */
export function renderRun(view: RunView, { colours, now }: { colours: Colours; now: number }): string {
  const width = Math.max(...view.stages.map(({ name }) => name.length));
  return view.stages
    .flatMap(stage => [
      `${MARKS[stage.state](colours)} ${stage.name.padEnd(width)}  ${colours.dim(renderTime(stage, now))}`.trimEnd(),
      ...renderDetails(stage, { view, colours }).map(line => `    ${line}`),
    ])
    .join('\n');
}

function renderTime({ state, seconds, startedAt }: StageStatus, now: number): string {
  if (state === 'running') return startedAt === undefined ? '' : formatDuration((now - startedAt) / 1000);
  if (state === 'done') return formatDuration(seconds);
  return state === 'waiting' ? '' : state;
}

function renderDetails(stage: StageStatus, { view, colours }: { view: RunView; colours: Colours }): string[] {
  const running = stage.state === 'running' ? activityOf(stage.name, view) : undefined;
  if (!running) return [];
  const { progress } = running;
  const again = describeAttempt(running);
  return [
    ...(again ? [colours.yellow(again)] : []),
    ...(progress ? [renderPace(progress), renderLearning(progress, colours)] : []),
    ...(progress ? [] : [colours.dim('waiting for a worker')]),
  ].filter(Boolean);
}

/** attempt 2, after: what ended the first; empty for the first. */
export function describeAttempt({ attempt, lastFailure }: RunningActivity): string {
  if (attempt <= 1) return '';
  const reason = lastFailure && (STOPPED.test(lastFailure) ? 'its worker was stopped' : lastFailure);
  return `attempt ${attempt}${reason ? `, after: ${reason}` : ''}`;
}

/** What Temporal's SDK says of a worker that was asked to end. */
const STOPPED = /worker is shutting down/i;

/** The stages of a run that has ended. */
export const renderStages = (stages: readonly StageStatus[]): string =>
  alignTable(
    [
      ['stage', 'state', 'time'],
      ...stages.map(({ name, state, seconds }) => [name, state, formatDuration(seconds)]),
    ],
    [2],
  );
