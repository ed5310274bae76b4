import { LOSS_NAMES } from '../../formats/training-history.js';
import type { StageProgress } from '../../formats/progress.js';
import { formatBar, formatDuration, formatLoss, formatMetric } from '../format.js';
import type { Colours, Terminal } from '../terminal.js';
import { openLiveArea } from './live-area.js';

const BAR_WIDTH = 20;

/** train ██████░░░░ 212/690 · 34 images/s · 1 min 40 s left */
export function renderPace(progress: StageProgress): string {
  const { phase, step, totalSteps } = progress;
  const bar =
    totalSteps > 0 ? `${phase} ${formatBar(step / totalSteps, BAR_WIDTH)} ${step}/${totalSteps}` : phase;
  return [bar, ...pace(progress)].join(' · ');
}

/** Like `renderPace` without the bar, for a log line: train 212/690 · 34 images/s · 1 min 40 s left */
export function describePace(progress: StageProgress): string {
  const { phase, step, totalSteps } = progress;
  return [totalSteps > 0 ? `${phase} ${step}/${totalSteps}` : phase, ...pace(progress)].join(' · ');
}

function pace({ itemsPerSecond, secondsLeft, step }: StageProgress): string[] {
  if (step === 0) return [];
  return [
    ...(itemsPerSecond === undefined ? [] : [`${formatRate(itemsPerSecond)} images/s`]),
    ...(secondsLeft === undefined ? [] : [`${formatDuration(secondsLeft)} left`]),
  ];
}

/** loss 1.204  cls_loss 0.6101  box_loss 0.4022 · best AP 0.081 at step 120. Empty for stages that do not train. */
export function renderLearning({ losses = {}, best }: StageProgress, { dim }: Pick<Colours, 'dim'>): string {
  const terms = inOrder(Object.entries(losses)).map(([name, value]) => `${dim(name)} ${formatLoss(value)}`);
  const reached = best && `${dim('best AP')} ${formatMetric(best.AP)} ${dim(`at step ${best.step}`)}`;
  return [terms.join('  '), reached].filter(Boolean).join(dim(' · '));
}

/** The total loss first, then its terms in the order of the configuration, then all others. */
function inOrder<T>(losses: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  const names: readonly string[] = LOSS_NAMES;
  const rank = (name: string): number => (names.includes(name) ? names.indexOf(name) : names.length);
  return [...losses].sort(([a], [b]) => rank(a) - rank(b));
}

/** Shows the progress of a stage that runs outside a pipeline. */
export async function showStage(
  terminal: Terminal,
): Promise<{ onProgress: (progress: StageProgress) => void; end: () => void }> {
  const area = await openLiveArea(terminal);
  let note: string | undefined;
  const onProgress = (progress: StageProgress): void => {
    if (progress.note !== undefined && progress.note !== note) area.say(progress.note);
    note = progress.note;
    area.show([renderPace(progress), renderLearning(progress, terminal.colours)].filter(Boolean).join('\n'));
  };
  return { onProgress, end: () => area.clear() };
}

const formatRate = (rate: number): string => (rate < 10 ? rate.toFixed(1) : String(Math.round(rate)));
