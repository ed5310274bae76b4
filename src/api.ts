import { startEmbedded } from './embedded.js';
import { connectRuns, type Runs } from './runs/runs.js';
import { readSettings, type Settings } from './settings.js';

export type { ModelArtsInput } from './config/modelarts.js';
export type { RunConfig, RunInput } from './config/run.js';
export { AppError } from './errors/index.js';
export type { CocoMetrics } from './formats/coco-metrics.js';
export type { RunResult, StageStatus } from './stages/run-status.js';
export type { SuggestionSummary } from './formats/suggestions.js';
export type { LaunchInput } from './runs/launch.js';
export type { HistoryLine } from './runs/history.js';
export type { LaunchedRun, Runs, RunState, RunSummary, RunView } from './runs/runs.js';
export type { Settings } from './settings.js';

/**
 * Opens the runs of a Temporal server: of the one that is named (`temporalAddress`, or TEMPORAL_ADDRESS), else of one that
 * is started with workers on this machine and ends with `close`. Another process's of the same home is joined.
 * @throws AppError
 */
export async function openRuns(given: Partial<Settings> = {}): Promise<Runs> {
  const settings = { ...readSettings(), ...given };
  if (settings.temporalAddress !== null) return connectRuns(settings);
  const embedded = await startEmbedded(settings);
  try {
    const runs = await connectRuns({ ...settings, temporalAddress: embedded.address });
    const close = async (): Promise<void> => {
      try {
        await runs.close();
      } finally {
        await embedded.stop();
      }
    };
    return { ...runs, close };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}
