import type { StageName } from '../../stages/stages.js';
import type { StageStatus } from '../../stages/run-status.js';
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

/** The latest progress of a running stage; undefined: it has not reported yet. */
export const activityOf = (stage: StageName, { progress }: RunView): RunningActivity | undefined =>
  progress.find(({ step }) => step === stage);

/** Shows the stages of a run with their states, and the progress of a running one. */
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

/** attempt 2, after: the failure of attempt 1. Empty for the first attempt. */
export function describeAttempt({ attempt, lastFailure }: RunningActivity): string {
  if (attempt <= 1) return '';
  const reason = lastFailure && (STOPPED.test(lastFailure) ? 'its worker was stopped' : lastFailure);
  return `attempt ${attempt}${reason ? `, after: ${reason}` : ''}`;
}

/** The message of Temporal's SDK when a worker shuts down. */
const STOPPED = /worker is shutting down/i;

/** Shows the stages of a finished run. */
export const renderStages = (stages: readonly StageStatus[]): string =>
  alignTable(
    [
      ['stage', 'state', 'time'],
      ...stages.map(({ name, state, seconds }) => [name, state, formatDuration(seconds)]),
    ],
    [2],
  );
