/** Program of a contestant: runs of one pipeline, each with another seed, so that nothing is reused. */
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Dependencies } from '../../src/stages/dependencies.js';
import { createControlActivities, createGpuActivities } from '../../activities/index.js';
import { evaluateKey, exportKey, trainKey } from '../../src/stages/keys.js';
import { type FactsOf, reuseOrRun, type StageKind } from '../../src/stages/reuse.js';
import type { RunConfig } from '../../src/config/run.js';
import type { CocoMetrics } from '../../src/formats/coco-metrics.js';
import type { EvaluateResult, ExportResult, StageResult, TrainResult } from '../../src/formats/stage-io.js';
import type { TrainerJob } from '../../src/trainer/protocol.js';
import { connectRuns } from '../../src/runs/runs.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { openStore } from '../../src/store/open-store.js';
import { freePort } from '../../test/free-port.js';
import { startEmbedded } from '../../workers/embedded.js';
import { runJob } from '../../src/trainer/jobs.js';
import type { Activities } from '../../workflows/stages.js';
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
  activities: async (settings: Settings): Promise<Pipeline> => {
    const dependencies = { settings, store: openStore(settings) };
    return { run: config => inOrder(config, called(activitiesOf(dependencies))) };
  },
  direct: async (settings: Settings): Promise<Pipeline> => {
    const dependencies = { settings, store: openStore(settings) };
    const activities = { ...called(activitiesOf(dependencies)), ...inThisProcess(dependencies) };
    return { run: config => inOrder(config, activities) };
  },
} as const;

const activitiesOf = (dependencies: Dependencies): Activities => ({
  ...createControlActivities(dependencies),
  ...createGpuActivities(dependencies),
});

/** Each in a context of its own: nobody schedules it, and its heartbeats reach nobody. */
function called(activities: Activities): Activities {
  const entries = Object.entries(activities).map(([name, activity]) => {
    const call = activity as (input: unknown) => Promise<unknown>; // each takes one input
    return [name, (input: unknown) => new MockActivityEnvironment().run(call, input)];
  });
  return Object.fromEntries(entries) as Activities; // the same names
}

/** The stages of the trainer process, and what their activities do around them. */
function inThisProcess(dependencies: Dependencies): Pick<Activities, 'train' | 'exportModel' | 'evaluate'> {
  const { settings, store } = dependencies;
  const context = { settings, signal: new AbortController().signal, onProgress: () => undefined };
  const stage = <T extends StageResult>(
    kind: StageKind,
    key: string,
    {
      jobOf,
      factsOf,
    }: { jobOf: (folder: string) => Promise<TrainerJob>; factsOf: (result: unknown) => FactsOf<T> },
  ): Promise<T> =>
    reuseOrRun<T>(dependencies, { kind, key, context: { ...context, last: undefined } }, async folder =>
      factsOf(await runJob(await jobOf(folder), context)),
    );
  return {
    train: input => {
      const key = trainKey(input);
      return stage<TrainResult>('train', key, {
        jobOf: async folder => ({ kind: 'train', input, key, folder, answers: `${folder}.answers` }),
        factsOf: result => result as FactsOf<TrainResult>, // of this kind of job
      });
    },
    exportModel: async ({ trained, image_size }) =>
      stage<ExportResult>('export', await exportKey({ trained, image_size }), {
        jobOf: async folder => {
          const from = 'folder' in trained ? trained.folder : await store.open(trained);
          return { kind: 'export', trained: from, image_size, folder };
        },
        factsOf: () => ({}),
      }),
    evaluate: input =>
      stage<EvaluateResult>('evaluate', evaluateKey(input), {
        jobOf: async folder => ({
          kind: 'evaluate',
          model: await store.open(input.model),
          dataset: await store.open(input.dataset),
          batchSize: input.batchSize,
          folder,
        }),
        factsOf: result => ({ metrics: result as CocoMetrics }), // of this kind of job
      }),
  };
}

/** What workflows/distill.ts does for a run without a teacher. */
async function inOrder(config: RunConfig, activities: Activities): Promise<StageSeconds> {
  const { data, seed, student: training, mode } = config;
  await activities.checkOutput(config);
  const clean = await activities.clean({ data, seed });
  const dataset = clean.artifact;
  const plain = { teacher: null, online: null };
  const train = await activities.train({ role: 'student', training, mode, seed, dataset, data, ...plain });
  const { artifact: trained } = train;
  const exported = await activities.exportModel({ trained, image_size: null, classes: null });
  const { artifact: model } = exported;
  const batchSize = training.eval_batch_size;
  const evaluate = await activities.evaluate({ model, dataset, batchSize });
  const student = { trained, model, report: evaluate.artifact };
  const advise = await activities.advise({ config, student, teacher: null });
  await activities.publish({ config, student, teacher: null, suggestions: advise.artifact });
  return {
    clean: clean.seconds,
    'train-student': train.seconds,
    'export-student': exported.seconds,
    'evaluate-student': evaluate.seconds,
    advise: advise.seconds,
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
