import type { StageProgress } from '../../pipeline.js';
import { formatBar, formatDuration, formatLoss, formatMetric } from '../format.js';
import type { Colours, Terminal } from '../terminal.js';
import { openLiveArea } from './live-area.js';

const BAR_WIDTH = 16;

/** train ██████░░░░ 212/690 · 34 images/s · 1 min 40 s left */
export function renderPace({ phase, step, totalSteps, itemsPerSecond, secondsLeft }: StageProgress): string {
  const position =
    totalSteps > 0 ? `${phase} ${formatBar(step / totalSteps, BAR_WIDTH)} ${step}/${totalSteps}` : phase;
  return [
    position,
    itemsPerSecond !== undefined && `${formatRate(itemsPerSecond)} images/s`,
    secondsLeft !== undefined && `${formatDuration(secondsLeft)} left`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** loss 1.204  cls_loss 0.6101  box_loss 0.4022 · best AP 0.081 at step 120; empty where nothing is learned. */
export function renderLearning({ losses = {}, best }: StageProgress, { dim }: Pick<Colours, 'dim'>): string {
  const terms = Object.entries(losses).map(([name, value]) => `${dim(name)} ${formatLoss(value)}`);
  const reached = best && `${dim('best AP')} ${formatMetric(best.AP)} ${dim(`at step ${best.step}`)}`;
  return [terms.join('  '), reached].filter(Boolean).join(dim(' · '));
}

/** Shows one stage that runs in this process. */
export async function showStage(
  terminal: Terminal,
): Promise<{ onProgress: (progress: StageProgress) => void; end: () => void }> {
  const area = await openLiveArea(terminal);
  const onProgress = (progress: StageProgress): void => {
    if (progress.note) area.say(progress.note);
    area.show([renderPace(progress), renderLearning(progress, terminal.colours)].filter(Boolean).join('\n'));
  };
  return { onProgress, end: () => area.clear() };
}

const formatRate = (rate: number): string => (rate < 10 ? rate.toFixed(1) : String(Math.round(rate)));
