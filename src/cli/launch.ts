import type { RunConfig } from '../config/run.js';
import { isBucketAddress } from '../store/bucket.js';
import { assertSameClasses } from '../formats/model-card.js';
import { fetchModelCard } from '../store/fetch-model.js';
import { errors } from '../errors/index.js';
import { exists } from '../files/walk.js';
import { teacherFrom } from '../config/distillation.js';
import type { Settings } from '../settings.js';
import type { Terminal } from './terminal.js';

const ON_INTERRUPT = {
  own: 'Stopping after the running stage has saved a checkpoint. Start the run again to continue. Press Ctrl-C again to stop at once.',
  others: 'No longer following; the run continues.',
};

interface LaunchOptions {
  /** Starts the run without following it. */
  readonly detach: boolean;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

/** Starts a run and follows it to its end unless it is detached. */
export async function launch(
  config: RunConfig,
  { detach, settings, terminal }: LaunchOptions,
): Promise<void> {
  const { withRuns, withServer } = await import('./server.js');
  if (settings.temporalAddress === null) await assertInputsExist(config, settings);
  if (detach) {
    const { id, joined } = await withRuns(settings, runs => runs.start(config));
    return terminal.result({ id, joined }, () =>
      joined ? `${id} is already running.` : `Started ${id}. Follow it with: detdistill watch ${id}`,
    );
  }
  const { startAndFollow } = await import('./follow.js');
  const { renderResult } = await import('./run-result.js');
  const result = await withServer({ settings, terminal, onInterrupt: ON_INTERRUPT }, (runs, signal) =>
    startAndFollow(config, { runs, terminal, signal }),
  );
  terminal.result(result, () => renderResult(result));
}

/** Fails early if inputs are missing. Workers on this machine would not find them either. */
async function assertInputsExist(config: RunConfig, settings: Settings): Promise<void> {
  const { data } = config;
  for (const path of [data.train, data.eval, data.test])
    if (path !== null && !isBucketAddress(path) && !(await exists(path))) throw errors.datasetMissing(path);
  const teacher = teacherFrom(config);
  if (teacher !== null) assertSameClasses((await fetchModelCard(teacher, settings)).classes, data.classes);
}
