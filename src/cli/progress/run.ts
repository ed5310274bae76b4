import type { StageName, StageStatus } from '../../pipeline.js';
import type { RunningActivity, RunView } from '../../runs/runs.js';
import { formatDuration } from '../format.js';
import { alignTable } from '../table.js';
import type { Colours, Terminal } from '../terminal.js';
import { openLiveArea } from './live-area.js';
import { renderLearning, renderPace } from './stage.js';

const MARKS: Readonly<Record<StageStatus['state'], (colours: Colours) => string>> = {
  waiting: ({ dim }) => dim('·'),
  running: ({ cyan }) => cyan('▶'),
  paused: ({ yellow }) => yellow('‖'),
  done: ({ green }) => green('✓'),
  reused: ({ green }) => green('='),
  failed: ({ red }) => red('✗'),
  cancelled: ({ yellow }) => yellow('‖'),
};

/** Temporal's name for what a stage runs. */
const ACTIVITIES: Readonly<Record<string, string>> = {
  clean: 'clean',
  train: 'train',
  export: 'exportModel',
  evaluate: 'evaluate',
  advise: 'advise',
};

export const activityOf = (
  stage: StageName,
  running: readonly RunningActivity[],
): RunningActivity | undefined =>
  running.find(({ activity }) => activity === ACTIVITIES[stage.split('-')[0]!]);

/** The stages of a run with their states; below a running one, how far it is. */
export function renderRun({ stages, progress }: RunView, colours: Colours, now = Date.now()): string {
  const lines = stages.flatMap(({ name, state, seconds, startedAt }) => {
    const taken = startedAt === undefined ? seconds : (now - startedAt) / 1000;
    const time = state === 'waiting' ? '' : state === 'reused' ? 'reused' : formatDuration(taken);
    const line = `${MARKS[state](colours)} ${name.padEnd(18)} ${colours.dim(time)}`;
    const running = state === 'running' ? activityOf(name, progress) : undefined;
    if (!running) return [line];
    const { attempt, lastFailure, progress: last } = running;
    const again =
      attempt > 1 && lastFailure ? [colours.yellow(`    attempt ${attempt}, after: ${lastFailure}`)] : [];
    const detail = last
      ? [`    ${renderPace(last)}`, `    ${renderLearning(last, colours)}`].filter(text => text.trim())
      : [];
    return [line, ...again, ...detail];
  });
  return lines.join('\n');
}

/** Where nothing can be written over: a line when something begins or ends, and one now and then. */
const QUIET_MS = 15_000;

/** Shows a run as it goes. */
export async function showRun(
  terminal: Terminal,
): Promise<{ show: (view: RunView) => void; end: () => void }> {
  const area = await openLiveArea(terminal);
  const said = new Set<string>();
  const states = new Map<string, string>();
  let lastLine = 0;
  const once = (line: string): void => {
    if (said.has(line)) return;
    said.add(line);
    area.say(line);
  };
  return {
    show: view => {
      for (const { name, state, seconds } of view.stages) {
        const running = state === 'running' ? activityOf(name, view.progress) : undefined;
        if (running?.progress?.note) once(`${name}: ${running.progress.note}`);
        if (area.isLive || states.get(name) === state) continue;
        states.set(name, state);
        if (state !== 'waiting')
          area.say(`${name}: ${state}${state === 'done' ? `, ${formatDuration(seconds)}` : ''}`);
      }
      if (area.isLive) return area.show(renderRun(view, terminal.colours));
      if (Date.now() - lastLine < QUIET_MS) return;
      lastLine = Date.now();
      for (const { name, state } of view.stages) {
        const last = state === 'running' ? activityOf(name, view.progress)?.progress : undefined;
        if (last && last.totalSteps > 0)
          area.say(`${name}: ${renderPace(last)}  ${renderLearning(last, terminal.colours)}`);
      }
    },
    end: () => area.end(),
  };
}

export const stageTable = (stages: readonly StageStatus[]): string =>
  alignTable(
    [
      ['stage', 'state', 'time'],
      ...stages.map(({ name, state, seconds }) => [name, state, formatDuration(seconds)]),
    ],
    [2],
  );
