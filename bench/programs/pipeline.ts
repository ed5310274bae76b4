/** Program of a contestant: runs of one pipeline, each with another seed, so that nothing is reused. */
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Dependencies } from '../../src/stages/context.js';
import { createControlActivities, createGpuActivities } from '../../activities/index.js';
import type { RunConfig } from '../../src/config/run.js';
import { connectRuns } from '../../src/runs/runs.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { openStore } from '../../src/store/open-store.js';
import { freePort } from '../../src/runs/listening.js';
import { startEmbedded } from '../../workers/embedded.js';
import type { FinishedStages } from '../../src/stages/stages.js';
import { plannedStages, publishInput, schedulingOf, STAGES, type StepName } from '../../src/stages/stages.js';
import { runJob } from '../../src/trainer/jobs.js';
import { runTrainer } from '../../src/trainer/process.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

/**
 * temporal: through a server and workers, as a run is; activities: the same activities, called one after the other;
 * direct: the same, but what has a trainer process of its own is done in this one.
 */
export type Way = keyof typeof WAYS;
export interface OpenPipeline {
  readonly way: Way;
  readonly config: RunConfig;
}

/** Seconds of each stage, by its name. */
type StageSeconds = Readonly<Record<string, number>>;
interface Pipeline {
  readonly run: (config: RunConfig) => Promise<StageSeconds>;
  readonly end?: () => Promise<void>;
}

const WAYS = {
  temporal: async (settings: Settings): Promise<Pipeline> => {
    const embedded = await startEmbedded(settings);
    const runs = await connectRuns({ ...settings, temporalAddress: embedded.address });
    const end = async (): Promise<void> => {
      await runs.close();
      await embedded.stop();
    };
    const run = async (config: RunConfig): Promise<StageSeconds> => {
      await runs.start(config);
      const { stages } = await runs.result(config.name);
      return Object.fromEntries(stages.map(({ name, seconds }) => [name, seconds]));
    };
    return { run, end };
  },
  activities: (settings: Settings): Promise<Pipeline> => inOrder({ settings, runJob: runTrainer }),
  direct: (settings: Settings): Promise<Pipeline> => inOrder({ settings, runJob }),
} as const;

/** The stages of a run one after the other, each in a context of its own that nobody schedules or listens to. */
async function inOrder({
  settings,
  runJob: run,
}: Pick<Dependencies, 'settings' | 'runJob'>): Promise<Pipeline> {
  const dependencies = { settings, store: openStore(settings), runJob: run };
  const activities: Readonly<Record<string, unknown>> = {
    ...createControlActivities(dependencies),
    ...createGpuActivities(dependencies),
  };
  const call = (step: StepName, input: unknown): Promise<unknown> => {
    const activity = activities[schedulingOf(step).activity] as (input: unknown) => Promise<unknown>; // each takes one input
    return new MockActivityEnvironment().run(activity, input);
  };
  return {
    run: async config => {
      let finished: FinishedStages = {};
      await call('check', config);
      for (const name of plannedStages(config)) {
        const result = await call(name, STAGES[name].input(config, finished));
        finished = { ...finished, [name]: result };
      }
      await call('publish', publishInput(config, finished));
      return Object.fromEntries(Object.entries(finished).map(([name, { seconds }]) => [name, seconds]));
    },
  };
}

await answerLines<OpenPipeline>(async ({ way, config }, home) => {
  const { cacheFolder } = readSettings();
  const port = String(await freePort());
  const settings = { ...readSettings({ ...process.env, DETDISTILL_HOME: home, DETDISTILL_PORT: port, DETDISTILL_STORE: '', TEMPORAL_ADDRESS: '' }), cacheFolder }; // prettier-ignore
  const pipeline = await WAYS[way](settings);
  let seed = 0;
  return {
    about: await ownVersions(null),
    run: async () => {
      seed++;
      const started = performance.now();
      const seconds = await pipeline.run({ ...config, name: `${config.name}-${seed}`, seed });
      const ms = performance.now() - started;
      const stages = Object.entries(seconds).map(([name, value]) => [name, 1000 * value]);
      return { ms, stages: Object.fromEntries(stages) as StageSeconds };
    },
    end: pipeline.end,
  };
});
