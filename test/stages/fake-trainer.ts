/** A trainer process without TensorFlow: it does the same jobs in moments, and fails as its script says. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainerReply, TrainerRequest } from '../../src/trainer/protocol.js';
import { readCleanedDataset } from '../../src/formats/dataset.js';
import { groundTruthCoco } from '../../src/formats/ground-truth.js';
import { AppError, errors } from '../../src/errors/index.js';
import { buildReport, writeEvaluation } from '../../src/evaluation/report.js';
import type { StageProgress } from '../../src/formats/progress.js';
import type { TrainerJob } from '../../src/trainer/protocol.js';
import type { Settings } from '../../src/settings.js';
import { commitCheckpoint, newestCheckpoint } from '../../src/store/checkpoints.js';
import { openStore } from '../../src/store/open-store.js';
import { writeSnapshot } from '../../src/formats/training-state.js';
import { METRICS, type Script, type TrainerNote } from './script.js';

type Job<K extends TrainerJob['kind']> = Extract<TrainerJob, { kind: K }>;

const noTensors = (): Promise<void> => Promise.resolve();

let stopped = false;
const send = (reply: TrainerReply): Promise<void> => new Promise(done => process.send!(reply, () => done()));
const report = (progress: StageProgress): Promise<void> => send({ type: 'progress', progress });

process.on('disconnect', () => process.exit(1));
process.on('message', (request: TrainerRequest) => {
  if (request.type === 'stop') stopped = true;
  else void work(request);
});

async function work({ job, settings }: Extract<TrainerRequest, { type: 'start' }>): Promise<void> {
  const script = JSON.parse(readFileSync(join(settings.home, 'script.json'), 'utf8')) as Script;
  const about = {
    pid: process.pid,
    job: nameOf(job),
    ...(job.kind === 'train' && {
      online: job.input.online,
      teacherAP: job.input.teacher?.AP ?? null,
      before: await attemptsBefore(job),
    }),
  };
  const note = (what: TrainerNote['what'], step = 0): void =>
    appendFileSync(
      join(settings.home, 'notes.jsonl'),
      `${JSON.stringify({ at: Date.now(), ...about, what, step } satisfies TrainerNote)}\n`,
    );
  try {
    const result = await WORK[job.kind]!({ job, settings, script, note } as never);
    note('done');
    await send({ type: 'done', result });
    process.exit(0);
  } catch (error) {
    note('failed');
    const known = error instanceof AppError ? error : errors.unexpected(error);
    await send({ type: 'failed', error: known.toJSON() });
    process.exit(1);
  }
}

/** Attempts find what those before them left for them. */
async function attemptsBefore({ teacherCacheFolder: folder }: Job<'train'>): Promise<number> {
  await mkdir(folder, { recursive: true });
  const found = await readdir(folder);
  await writeFile(join(folder, String(process.pid)), '');
  return found.length;
}

const nameOf = (job: TrainerJob): string => (job.kind === 'train' ? `train-${job.input.role}` : job.kind);

interface Given<K extends TrainerJob['kind']> {
  readonly job: Job<K>;
  readonly settings: Settings;
  readonly script: Script;
  readonly note: (what: TrainerNote['what'], step?: number) => void;
}

const WORK = { train, export: exportModel, evaluate, import: null, predict: null };

async function train({ job, settings, script, note }: Given<'train'>): Promise<unknown> {
  const { input, key, folder } = job;
  const store = openStore(settings);
  let step = (await newestCheckpoint(store, key)).checkpoint?.step ?? 0;
  note('begun', step);
  const state = (at: number) => ({
    model_name: input.training.model_name,
    image_size: input.training.image_size,
    classes: ['tree'],
    role: input.role,
    seed: input.seed,
    step: at,
    moving_average_decay: 0,
    aspect_ratios: input.training.hparams.aspect_ratios,
    nms_configs: input.training.hparams.nms_configs,
    best: { step: at, metrics: { ...METRICS } },
    has_previous: false,
    precision: 'float32' as const,
    backoff: { learning_rate: 1, distillation: 1 },
    lowest_losses: {},
    loss_averages: {},
    taught_until: null,
    history: {
      stepsPerEpoch: script.every,
      totalSteps: input.training.num_epochs,
      points: [],
      evaluations: [{ step: at, metrics: METRICS }],
      warnings: [],
      rollbacks: [],
    },
  });
  const commit = async (): Promise<void> => {
    const place = await mkdtemp(join(tmpdir(), 'detdistill-checkpoint-'));
    await writeSnapshot(place, state(step), noTensors);
    const artifact = await commitCheckpoint(store, key, { step, folder: place, keep: 2 });
    await rm(place, { recursive: true });
    await report({ phase: 'checkpoint', step, totalSteps: script.steps, checkpoint: { step, artifact } });
  };
  while (step < script.steps) {
    if (stopped) {
      await sleep(script.saveMs);
      await commit();
      note('stopped', step);
      throw errors.stopped(step);
    }
    await sleep(script.stepMs);
    await fail({ script, settings, job: nameOf(job), step });
    step++;
    await report({ phase: 'train', step, totalSteps: script.steps });
    if (step % script.every === 0) await commit();
  }
  await writeSnapshot(folder, state(step), noTensors);
  return {
    metrics: METRICS,
    steps: step,
    bestStep: step,
    last: METRICS,
    evaluations: 1,
    rollbacks: 0,
    warnings: [],
  };
}

async function exportModel({ job, settings, script, note }: Given<'export'>): Promise<unknown> {
  note('begun');
  await fail({ script, settings, job: 'export', step: 0 });
  // A training, or a model that is there already.
  const card = (folder: string, name: string) => readFile(join(folder, name));
  const text = await card(job.trained, 'training.json').catch(() => card(job.trained, 'model.json'));
  await writeFile(join(job.folder, 'model.json'), text);
  return {};
}

async function evaluate({ job, settings, script, note }: Given<'evaluate'>): Promise<unknown> {
  note('begun');
  await sleep(script.stepMs * script.every);
  await fail({ script, settings, job: 'evaluate', step: 0 });
  const groundTruth = groundTruthCoco(await readCleanedDataset(job.dataset), 'eval');
  const detections = groundTruth.annotations.map(({ image_id, category_id, bbox }) => ({
    image_id,
    category_id,
    bbox,
    score: 0.9,
  }));
  const result = buildReport({
    groundTruth,
    detections,
    model: { name: 'efficientdet-d0', image_size: [64, 64], engine: 'onnxruntime' },
    training: null,
    deployed: null,
    suppression: null,
    seed: 1,
  });
  await mkdir(job.folder, { recursive: true });
  await writeEvaluation(job.folder, { report: result, groundTruth, detections });
  return { metrics: result.metrics, test: null };
}

interface Place {
  readonly script: Script;
  readonly settings: Settings;
  readonly job: string;
  readonly step: number;
}

/** What the script wants to go wrong here, as often as it wants. */
async function fail({ script, settings, job, step }: Place): Promise<void> {
  for (const [index, fault] of script.faults.entries()) {
    if (
      fault.job !== job ||
      fault.step !== step ||
      !take(settings, `fault-${script.play}-${index}`, fault.times)
    )
      continue;
    if (fault.how === 'crash') {
      process.stderr.write('illegal instruction, or so\n');
      process.kill(process.pid, 'SIGKILL');
    }
    // Busy, so that no message gets through: as in a native call that never returns.
    if (fault.how === 'hang') for (;;);
    if (fault.how === 'refuse') throw errors.diverged({ step, rollbacks: 3, reason: 'loss is NaN' });
    if (fault.how === 'lose') throw errors.storeFailed('s3://bucket', new Error('connection reset'));
    throw new TypeError('cannot read properties of undefined');
  }
}

function take({ home }: Settings, name: string, times: number): boolean {
  for (let i = 0; i < times; i++)
    try {
      writeFileSync(join(home, `${name}-${i}`), '', { flag: 'wx' });
      return true;
    } catch {
      // This one happened before.
    }
  return false;
}
