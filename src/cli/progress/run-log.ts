import type { StageStatus } from '../../stages/run-status.js';
import type { RunView } from '../../runs/runs.js';
import { formatDuration } from '../format.js';
import type { Colours } from '../terminal.js';
import { activityOf, describeAttempt } from './run-display.js';
import { describePace, renderLearning } from './stage.js';

/** The interval of progress lines in a log. */
const PACE_MS = 15_000;

/** Turns successive views of a run into log lines: changed states, new notes and, at intervals, progress. */
export function createRunLog(colours: Colours): {
  notesOf: (view: RunView) => string[];
  linesOf: (view: RunView, now: number) => string[];
} {
  const states = new Map<string, string>();
  const noted = new Set<string>();
  let pacedAt = -Infinity;

  const isNew = (line: string): boolean => !noted.has(line) && Boolean(noted.add(line));
  const waitsOf = (view: RunView, now: number): string[] =>
    view.stages
      .filter(({ name, state, startedAt = now }) => {
        const running = state === 'running' ? activityOf(name, view) : undefined;
        return running?.progress === null && now - startedAt > PACE_MS;
      })
      .map(({ name }) => `${name}: waiting for a worker`)
      .filter(isNew);
  const notesOf = (view: RunView): string[] =>
    view.stages.flatMap(({ name, state }) => {
      const running = state === 'running' ? activityOf(name, view) : undefined;
      if (!running) return [];
      const notes = [describeAttempt(running), running.progress?.note ?? ''].filter(Boolean);
      return notes.map(note => `${name}: ${note}`).filter(isNew);
    });

  const changesOf = ({ stages }: RunView): string[] =>
    stages.flatMap(stage => {
      if (states.get(stage.name) === stage.state) return [];
      states.set(stage.name, stage.state);
      return stage.state === 'waiting' ? [] : [describeChange(stage)];
    });

  const pacesOf = (view: RunView, now: number): string[] => {
    if (now - pacedAt < PACE_MS) return [];
    const lines = view.stages.flatMap(({ name, state }) => {
      const progress = state === 'running' ? activityOf(name, view)?.progress : undefined;
      if (!progress || progress.step === 0) return [];
      return [
        [`${name}: ${describePace(progress)}`, renderLearning(progress, colours)].filter(Boolean).join(' · '),
      ];
    });
    if (lines.length > 0) pacedAt = now;
    return lines;
  };

  return {
    notesOf,
    linesOf: (view, now) => [
      ...changesOf(view),
      ...waitsOf(view, now),
      ...notesOf(view),
      ...pacesOf(view, now),
    ],
  };
}

const describeChange = ({ name, state, seconds }: StageStatus): string =>
  `${name}: ${state === 'running' ? 'started' : state}${state === 'done' ? `, ${formatDuration(seconds)}` : ''}`;
