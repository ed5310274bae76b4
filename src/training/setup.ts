import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../config/families.js';
import { type TrainingBatch, trainingBatches } from '../data/batches.js';
import { checkDataset } from '../data/cleaning/dataset-rules.js';
import { anchorOptions, createAnchors } from '../detection/anchors.js';
import { errors } from '../errors/index.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import { auxiliarySpecs } from '../model/auxiliary.js';
import { variableSpecs } from '../model/efficientdet.js';
import { hasNvidiaGpu } from '../native/libtensorflow.js';
import { commit, restore } from './checkpoint.js';
import { measure } from './evaluation.js';
import { openEvents } from './events.js';
import type { InitialWeights } from './initial-weights.js';
import { Journal } from './journal.js';
import { PREVIOUS, previousSpecs } from './online.js';
import type { InitialState } from './resume.js';
import { RunState } from './run-state.js';
import { TrainingSession } from './session.js';
import { type Teacher, validateTeacher } from './teacher.js';
import { TeacherCache } from './teacher-cache.js';
import { keptAnchors } from './teacher-outputs.js';
import { recordTraining } from './training-program.js';
import { softTermsOf, type TrainingRun, type TrainOptions } from './training-run.js';

const programFolder = ({ folder }: TrainOptions): string => `${folder}.program`;
const viewsOf = ({ input: { teacher } }: TrainOptions): number => teacher?.views ?? 0;

/** Empties the output folder, records the program and loads it. */
export async function openRun(
  options: TrainOptions,
  { dataset, state: saved }: InitialState,
): Promise<TrainingRun> {
  const { folder, onProgress } = options;
  const { training } = options.input;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await recordProgram(options, { dataset, state: saved });
  await loadTensorFlow();
  const state = new RunState(saved);
  const journal = new Journal({
    state,
    events: await openEvents(folder),
    onProgress,
    batchSize: training.train_batch_size,
    views: viewsOf(options),
  });
  const session = new TrainingSession(programFolder(options), training.image_size);
  return { options, dataset, session, state, journal };
}

async function recordProgram(
  options: TrainOptions,
  { dataset, state }: Pick<InitialState, 'dataset' | 'state'>,
): Promise<void> {
  const { training, online } = options.input;
  const recorded = recordTraining({
    modelName: training.model_name,
    numClasses: dataset.classes.length,
    imageSize: training.image_size,
    trainBatchSize: training.train_batch_size,
    evalBatchSize: training.eval_batch_size,
    hparams: training.hparams,
    teacher: options.teacher && { ...options.teacher, isFed: viewsOf(options) > 0 },
    softTerms: softTermsOf(options.input),
    online: online && { hasPrevious: state.has_previous },
    precision: state.precision,
    useXla: !hasNvidiaGpu(),
  });
  await recorded.write(programFolder(options));
  await writeFile(join(options.folder, 'graph.pbtxt'), recorded.textOf('predict'));
}

/** Brings the variables to where the training starts or continues. */
export async function startRun(
  run: TrainingRun,
  { checkpoint, weights, notes }: InitialState,
): Promise<void> {
  for (const note of notes) run.journal.note(note);
  if (checkpoint) await restore(run, checkpoint);
  else await startFresh(run, weights);
}

/** Flushes the logs and removes the program; also after a failure. */
export async function closeRun({ options, journal }: TrainingRun): Promise<void> {
  journal.flush();
  await rm(programFolder(options), { recursive: true, force: true });
}

async function startFresh(run: TrainingRun, weights: InitialWeights): Promise<void> {
  const { teacher, input } = run.options;
  await run.session.initialize(input.seed);
  await adoptWeights(run, weights);
  noteAnchorFit(run);
  if (teacher) await examineTeacher(run, teacher);
  if (run.state.saved.has_previous && !(await hasFiniteTeacher(run)))
    throw errors.previousUnfit(input.training.pretrained);
  await commit(run);
}

/** Adopted weights are also those of the previous version, where there is one. */
async function adoptWeights(
  { options: { input }, dataset, session, state }: TrainingRun,
  { adoption }: InitialWeights,
): Promise<void> {
  const network = { family: familyOf(input.training.model_name), numClasses: dataset.classes.length };
  const values = new Map(adoption?.values);
  const previous = state.saved.has_previous ? previousSpecs(network) : [];
  for (const { name } of previous) {
    const adopted = values.get(name.slice(PREVIOUS.length));
    if (adopted) values.set(name, adopted);
  }
  const branch = input.online ? auxiliarySpecs(network) : [];
  await session.adopt(values, [...variableSpecs(network), ...branch, ...previous]);
}

const anchorsOf = ({ input: { training } }: TrainOptions) =>
  anchorOptions(familyOf(training.model_name), training.hparams.aspect_ratios);

/** Notes what cleaning rule L14 finds: it needs the detector, which is not known when the data set is cleaned. */
function noteAnchorFit({ options, dataset, journal }: TrainingRun): void {
  const { data, training } = options.input;
  const detector = { anchors: anchorsOf(options), imageSize: training.image_size };
  for (const { rule, reason } of checkDataset(dataset, { data, detector, source: null }))
    if (rule === 'L14') journal.note(reason);
}

async function examineTeacher(run: TrainingRun, teacher: Teacher): Promise<void> {
  const { AP } = await measure(run);
  const { undistilledAP } = run.options;
  const student = { AP, undistilledAP, classes: run.dataset.classes, anchors: anchorsOf(run.options) };
  const warning = validateTeacher(teacher, student, await hasFiniteTeacher(run));
  if (warning !== null) run.journal.note(`warning: ${warning}`);
}

/** Whether the frozen teacher or the previous version has finite outputs for a first batch. */
async function hasFiniteTeacher(run: TrainingRun): Promise<boolean> {
  let isFinite = true;
  for await (const { images } of batchesOf(run, 1)) isFinite &&= await run.session.hasFiniteTeacher(images);
  return isFinite;
}

/** The batches from the current step on. */
export function batchesOf(
  { options, dataset, state, journal }: TrainingRun,
  totalSteps = state.totalSteps,
): AsyncGenerator<TrainingBatch> {
  const { training, seed } = options.input;
  return trainingBatches({
    folder: options.datasetFolder,
    dataset,
    training,
    family: familyOf(training.model_name),
    seed,
    views: viewsOf(options),
    startStep: state.step,
    totalSteps,
    onNote: note => journal.note(note),
  });
}

/** The cached teacher; null: there is none, or the program runs the teacher in every step. */
export async function openTeacherCache(run: TrainingRun): Promise<TeacherCache | null> {
  const { options, dataset, session, journal } = run;
  if (viewsOf(options) === 0) return null;
  const { count } = createAnchors(anchorsOf(options), options.input.training.image_size);
  return TeacherCache.open({
    folder: options.teacherCacheFolder,
    kept: keptAnchors(count),
    numClasses: dataset.classes.length,
    infer: images => session.teacherOutputs(images),
    onNote: note => journal.note(note),
  });
}
