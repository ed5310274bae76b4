import { bundleWorkflowCode, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createControlActivities, createGpuActivities } from '../../activities/index.js';
import type { Dependencies } from '../../src/stages/context.js';
import { runTrainer, type Trainer } from '../../src/trainer/process.js';
import type { RunJob } from '../../src/trainer/protocol.js';
import type { PlanContext } from '../../src/stages/plan.js';
import type { ModelName } from '../../src/config/families.js';
import { type Distillation, parseRunConfig, type RunConfig } from '../../src/config/run.js';
import { QUEUES } from '../../src/stages/stages.js';
import { connectRuns, type Runs, type RunView } from '../../src/runs/runs.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { type ArtifactStore } from '../../src/store/artifact-store.js';
import { openStore } from '../../src/store/open-store.js';
import { drawImage } from '../data/scene.js';
import { SCRIPT, type Script } from '../stages/script.js';
import { startTemporal, type TestServer } from '../temporal.js';

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

/** The workflows as workers load them. */
export const bundledWorkflows = (): Promise<WorkflowBundleWithSourceMap> =>
  (bundle ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  }));

export const fakeTrainer = (limits: Partial<Trainer['limits']> = {}): Trainer => ({
  program: new URL('../stages/fake-trainer.ts', import.meta.url),
  limits: { stallSeconds: () => 300, pollIntervalMs: 100, stopGraceMs: 300_000, ...limits },
});

export interface Scene {
  readonly temporal: TestServer;
  readonly home: string;
  readonly settings: Settings;
  readonly store: ArtifactStore;
  readonly runs: Runs;
  readonly planContext: PlanContext;
  readonly config: (change?: {
    name?: string;
    teacher?: boolean;
    seed?: number;
    distillation?: Partial<Distillation>;
    student?: ModelName;
    classes?: readonly string[];
  }) => RunConfig;
  readonly play: (script: Partial<Script>) => Promise<void>;
  /** Workers of both queues; the rest of the pipeline is real, the trainer is not. @param options.gpus how many */
  readonly startWorkers: (options?: { trainer?: Trainer; gpus?: number }) => Promise<Workers>;
  readonly close: () => Promise<void>;
}
export interface Workers {
  readonly stop: () => Promise<void>;
}

/** A Temporal server, a home and a small data set of one's own. */
export async function openScene({ storeUrl }: { storeUrl?: string } = {}): Promise<Scene> {
  const temporal = await startTemporal();
  const home = await mkdtemp(join(tmpdir(), 'detdistill-home-'));
  const env = {
    ...process.env,
    DETDISTILL_HOME: home,
    DETDISTILL_STORE: storeUrl,
    TEMPORAL_ADDRESS: temporal.address,
  };
  const settings = readSettings(env);
  const data = join(home, 'data');
  await writeDataset(data);
  const store = openStore(settings);
  const runs = await connectRuns(settings);
  let plays = 0;
  const play: Scene['play'] = script =>
    writeFile(join(home, 'script.json'), JSON.stringify({ ...SCRIPT, ...script, play: plays++ }));
  await play({});
  const running = new Set<Workers>();
  return {
    temporal,
    home,
    settings,
    store,
    runs,
    planContext: { ...settings, store },
    play,
    config: ({
      name = 'trees',
      teacher = false,
      seed = 1,
      distillation = {},
      student = 'efficientdet-d0',
      classes,
    } = {}) =>
      parseRunConfig(
        {
          name,
          seed,
          distillation,
          data: { train: data, ...(classes && { classes }) },
          student: { model_name: student, image_size: 64 },
          ...(teacher && { teacher: { model_name: 'efficientdet-d2', image_size: 64 } }),
        },
        'test',
      ),
    startWorkers: async ({ trainer = fakeTrainer(), gpus = 1 } = {}) => {
      const runJob: RunJob = (job, context) => runTrainer(job, { ...context, trainer });
      const workers = await startWorkers(temporal, { dependencies: { settings, store, runJob }, gpus });
      running.add(workers);
      return { stop: () => (running.delete(workers) ? workers.stop() : Promise.resolve()) };
    },
    close: async () => {
      await runs.close();
      await Promise.all([...running].map(workers => workers.stop()));
      await temporal.teardown();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function startWorkers(
  { nativeConnection: connection }: TestServer,
  { dependencies, gpus }: { dependencies: Dependencies; gpus: number },
): Promise<Workers> {
  const shared = { connection, maxHeartbeatThrottleInterval: 200, defaultHeartbeatThrottleInterval: 200 };
  const control = await Worker.create({
    ...shared,
    taskQueue: QUEUES.control,
    workflowBundle: await bundledWorkflows(),
    activities: createControlActivities(dependencies),
  });
  const gpu = await Worker.create({
    ...shared,
    taskQueue: QUEUES.gpu,
    activities: createGpuActivities(dependencies),
    maxConcurrentActivityTaskExecutions: gpus,
  });
  const ended = Promise.all([control.run(), gpu.run()]);
  return {
    stop: async () => {
      control.shutdown();
      gpu.shutdown();
      await ended;
    },
  };
}

async function writeDataset(folder: string): Promise<void> {
  await mkdir(join(folder, 'images'), { recursive: true });
  const images = Array.from({ length: 12 }, (_, id) => ({
    id,
    width: 64,
    height: 64,
    file_name: `${id}.png`,
  }));
  for (const { id, file_name } of images) {
    const rectangle = [4 + id, 4, 30 + id, 40] as const;
    await drawImage({ width: 64, height: 64, rectangle })
      .png()
      .toFile(join(folder, 'images', file_name));
  }
  const annotations = images.map(({ id }) => ({
    id: id + 1,
    image_id: id,
    category_id: 1,
    bbox: [4, 4 + id, 36, 26],
    area: 36 * 26,
    iscrowd: 0,
  }));
  const categories = [{ id: 1, name: 'tree' }];
  await mkdir(join(folder, 'annotations'));
  await writeFile(
    join(folder, 'annotations', 'trees.json'),
    JSON.stringify({ images, annotations, categories }),
  );
}

/** Looks at a run until it is as wanted. */
export async function lookUntil(
  runs: Runs,
  id: string,
  wanted: (view: RunView) => boolean,
): Promise<RunView> {
  for (;;) {
    const view = await runs.view(id);
    if (wanted(view)) return view;
    if (['failed', 'cancelled', 'completed'].includes(view.state))
      throw new Error(`the run has ended: ${JSON.stringify(view)}`);
    await sleep(50);
  }
}

/** Of a model that may teach; the trainer of these tests writes none that is whole. */
export const CARD = {
  model_name: 'efficientdet-d2',
  classes: ['tree'],
  image_size: [768, 768],
  anchor_scale: 4,
  aspect_ratios: [1, 2, 0.5],
  nms_configs: {},
  levels: [3, 7],
  mean: [0, 0, 0],
  std: [1, 1, 1],
  step: 1,
  metrics: { AP: 0.5 },
};
