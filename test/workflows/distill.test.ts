import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planRun } from '../../src/stages/plan.js';
import { errors } from '../../src/errors/index.js';
import type { ArtifactRef } from '../../src/formats/artifact.js';
import { readEvents } from '../../src/runs/events.js';
import { artifactKey } from '../../src/stages/reuse.js';
import { QUEUES, STAGE_NAMES, STAGES } from '../../src/stages/stages.js';
import { METRICS, readNotes, SCRIPT, type TrainerNote } from '../stages/script.js';
import { CARD, openScene, type Scene } from './scene.js';

// Each starts several processes, on machines of any size.
let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
  await scene.startWorkers({ gpus: 2 });
});
afterAll(() => scene.close());

async function notesOf(work: () => Promise<unknown>): Promise<TrainerNote[]> {
  const before = (await readNotes(scene.home)).length;
  await work();
  return (await readNotes(scene.home)).slice(before);
}
/** The artifact of each stage, as the history of a run names it. */
async function artifactsOf(id: string): Promise<Map<string, ArtifactRef>> {
  const history = await scene.temporal.client.workflow.getHandle(`distill/${id}`).fetchHistory();
  return new Map(
    readEvents(history).flatMap(event =>
      event.kind === 'step-done' && event.result ? [[event.step, event.result.artifact] as const] : [],
    ),
  );
}

const begun = (notes: readonly TrainerNote[]): string[] =>
  notes.filter(({ what }) => what === 'begun').map(({ job }) => job);

describe('a run with a teacher', () => {
  it('does every stage once, in their order', async () => {
    const notes = await notesOf(async () => {
      await scene.runs.start(scene.config({ teacher: true }));
      const { stages, student, teacher, test, checkpoints } = await scene.runs.result('trees');
      expect(stages.map(({ name, state }) => [name, state])).toEqual(STAGE_NAMES.map(name => [name, 'done']));
      expect([student.AP50, teacher?.AP50, test]).toEqual([1, 1, null]);
      const trained = { step: SCRIPT.steps, metrics: METRICS };
      const both = { best: trained, last: trained, evaluations: 1 };
      expect(checkpoints).toEqual({ teacher: both, student: both });
    });
    expect(begun(notes)).toEqual([
      ...['train-teacher', 'export', 'evaluate'],
      ...['train-student', 'export', 'evaluate'],
    ]);
  });

  it('is planned with the keys that it ran with: nothing is left to do', async () => {
    const planned = await planRun(scene.config({ teacher: true }), scene.planContext);
    expect(planned.map(({ name, will }) => [name, will])).toEqual(STAGE_NAMES.map(name => [name, 'reuse']));
    const made = await artifactsOf('trees');
    for (const { name, key } of planned) {
      const stored = await scene.store.find(artifactKey(STAGES[name].kind, key!));
      expect([name, stored?.ref]).toEqual([name, made.get(name)]);
    }
  });

  it('computes nothing when it is started again', async () => {
    const notes = await notesOf(async () => {
      expect(await scene.runs.start(scene.config({ teacher: true }))).toEqual({ id: 'trees', joined: false });
      const { stages } = await scene.runs.result('trees');
      expect(stages.map(({ state }) => state)).toEqual(STAGE_NAMES.map(() => 'reused'));
    });
    expect(notes).toEqual([]);
  });

  it('shares what its changed configuration leaves as it was', async () => {
    const config = scene.config({ teacher: true });
    const student = { ...config.student, num_epochs: 7 };
    await scene.runs.start({ ...config, student });
    const { stages } = await scene.runs.result('trees');
    expect(stages.filter(({ state }) => state === 'done').map(({ name }) => name)).toEqual([
      'train-student',
      'export-student',
      'evaluate-student',
      'advise',
    ]);
  });

  it('leaves an output folder with both models, the reports and the suggestions', async () => {
    const { folder } = await scene.runs.result('trees');
    expect(folder).toBe(join(scene.home, 'runs', 'trees'));
    expect((await readdir(folder)).sort()).toEqual(
      ['checkpoint', 'evaluation', 'model', 'run.json', 'suggestions', 'teacher', 'training.json'].sort(),
    );
    expect((await readdir(join(folder, 'teacher'))).sort()).toEqual([
      'checkpoint',
      'evaluation',
      'model',
      'training.json',
    ]);
    expect(JSON.parse(await readFile(join(folder, 'model', 'config.json'), 'utf8'))).toMatchObject({
      metrics: { f1: 1, recall: 1, precision: 1, accuracy: 1 },
    });
    expect(await readdir(join(folder, 'suggestions'))).toContain('suggestions.json');
  });

  it('leaves no working folders', async () => {
    expect(await readdir(join(scene.home, 'work'))).toEqual([]);
  });

  it('evaluates the teacher before the student is trained, which gets its AP', async () => {
    const notes = await notesOf(async () => {
      await scene.runs.start(scene.config({ name: 'judged', teacher: true, seed: 2 }));
      await scene.runs.result('judged');
    });
    const at = (job: string, what: TrainerNote['what']): number =>
      notes.findIndex(note => note.job === job && note.what === what);
    expect(at('evaluate', 'begun')).toBeGreaterThan(-1);
    expect(at('evaluate', 'begun')).toBeLessThan(at('train-student', 'begun'));
    expect(notes[at('train-student', 'begun')]?.teacherAP).toBe(1);
  });
});

describe('a run whose teacher answers once', () => {
  const planned = async (teacher_views: number) => {
    const config = scene.config({ name: 'once', teacher: true, distillation: { teacher_views } });
    const plan = await planRun(config, scene.planContext);
    return Object.fromEntries(plan.map(({ name, will }) => [name, will]));
  };

  it('shares its teacher, not its student, with runs of other views', async () => {
    expect(await planned(0)).toMatchObject({ 'train-student': 'reuse' });
    for (const views of [1, 4])
      expect(await planned(views)).toMatchObject({ 'export-teacher': 'reuse', 'train-student': 'run' });
  });

  it('is trained for the views that it says', async () => {
    await scene.runs.start(scene.config({ name: 'once', teacher: true, distillation: { teacher_views: 4 } }));
    await scene.runs.result('once');
    expect(await planned(4)).toMatchObject({ 'train-student': 'reuse' });
    expect(await readdir(join(scene.home, 'work'))).toEqual([]);
  });
});

describe('a run without a teacher', () => {
  it('has the branch of the student only', async () => {
    const notes = await notesOf(async () => {
      await scene.runs.start(scene.config({ name: 'alone', seed: 3 }));
      const { stages, teacher } = await scene.runs.result('alone');
      expect(stages.map(({ name }) => name)).toEqual(STAGE_NAMES.filter(name => !name.endsWith('-teacher')));
      expect(teacher).toBeNull();
    });
    expect(begun(notes)).toEqual(['train-student', 'export', 'evaluate']);
  });
});

describe('a run that distils online', () => {
  const config = (use_online_kd: boolean) =>
    scene.config({
      name: 'tiny',
      seed: 7,
      student: 'efficientdet-t0',
      distillation: { use_online_kd, soft_cls_loss: 1 },
    });
  const stages = STAGE_NAMES.filter(name => !name.endsWith('-teacher'));
  const planned = async (use_online_kd: boolean) =>
    (await planRun(config(use_online_kd), scene.planContext)).map(({ name, will }) => [name, will]);

  it('has the branch of the student only, and is trained for what it says', async () => {
    const notes = await notesOf(async () => {
      await scene.runs.start(config(true));
      const { stages: done, teacher } = await scene.runs.result('tiny');
      expect(done.map(({ name, state }) => [name, state])).toEqual(stages.map(name => [name, 'done']));
      expect(teacher).toBeNull();
    });
    const trained = notes.find(({ job, what }) => job === 'train-student' && what === 'begun');
    expect(trained?.online).toEqual({ soft_cls_loss: 1, soft_box_loss: 'auto' });
    expect(await planned(true)).toEqual(stages.map(name => [name, 'reuse']));
  });

  it('shares no training with the same run without', async () => {
    expect(Object.fromEntries(await planned(false))).toMatchObject({
      clean: 'reuse',
      'train-student': 'run',
    });
  });
});

describe('a run that fails', () => {
  it('ends at once with the error that another attempt would repeat, its code and its hint', async () => {
    await scene.play({ faults: [{ job: 'train-student', step: 12, how: 'refuse', times: 1 }] });
    const notes = await notesOf(async () => {
      await scene.runs.start(scene.config({ name: 'diverging', seed: 4 }));
      await expect(scene.runs.result('diverging')).rejects.toMatchObject({
        ...errors.diverged({ step: 12, rollbacks: 3, reason: 'loss is NaN' }).toJSON(),
        facts: { stage: 'train-student' },
      });
    });
    expect(begun(notes)).toEqual(['train-student']);
    const { state, stages } = await scene.runs.view('diverging');
    expect(state).toBe('failed');
    expect(Object.fromEntries(stages.map(stage => [stage.name, stage.state]))).toMatchObject({
      clean: 'done',
      'train-student': 'failed',
      'export-student': 'waiting',
    });
  });

  it('goes on from its newest checkpoint when it is started again', async () => {
    await scene.play({});
    const notes = await notesOf(async () => {
      await scene.runs.start(scene.config({ name: 'diverging', seed: 4 }));
      const { stages } = await scene.runs.result('diverging');
      expect(stages.find(({ name }) => name === 'clean')?.state).toBe('reused');
    });
    expect(notes[0]).toMatchObject({ job: 'train-student', what: 'begun', step: 10 });
  });

  it('begins nothing where its output cannot go', async () => {
    const train_url = join(scene.home, 'letters');
    await mkdir(train_url);
    await writeFile(join(train_url, 'to-grandmother.txt'), 'Dear');
    const notes = await notesOf(async () => {
      await scene.runs.start({ ...scene.config({ name: 'letters', seed: 6 }), train_url });
      await expect(scene.runs.result('letters')).rejects.toMatchObject({
        code: 'OUTPUT_UNUSABLE',
        message: `${train_url}: holds to-grandmother.txt, which no run put there`,
      });
    });
    expect(notes).toEqual([]);
    expect(await readFile(join(train_url, 'to-grandmother.txt'), 'utf8')).toBe('Dear');
  });

  it('does not look alive for ever when the workflow itself is mistaken', async () => {
    const { client } = scene.temporal;
    const options = { taskQueue: QUEUES.control, workflowId: 'distill/nonsense', args: [null] };
    await client.workflow.start('distill', options);
    await expect(scene.runs.result('nonsense')).rejects.toMatchObject({ code: 'UNEXPECTED' });
  });
});

describe('a run with a teacher from elsewhere', () => {
  const OWN_STAGES = STAGE_NAMES.filter(name => name !== 'train-teacher');
  const config = (folder: string) =>
    scene.config({ name: 'taught', seed: 9, distillation: { teacher_model_url: folder } });
  let model: string;
  beforeAll(async () => {
    model = join(scene.home, 'elsewhere', 'model');
    await mkdir(join(model, 'variables'), { recursive: true });
    await writeFile(join(model, 'variables', 'variables.index'), 'weights');
    await writeFile(join(model, 'model.json'), JSON.stringify(CARD));
  });

  it('exports it for the student, measures it and learns from it', async () => {
    const notes = await notesOf(async () => {
      await scene.runs.start(config(model));
      const { stages, teacher, folder } = await scene.runs.result('taught');
      expect(stages.map(({ name, state }) => [name, state])).toEqual(OWN_STAGES.map(name => [name, 'done']));
      expect(teacher?.AP50).toBe(1);
      expect((await readdir(join(folder, 'teacher'))).sort()).toEqual(['evaluation', 'model']);
    });
    expect(begun(notes)).toContain('train-student');
    expect(begun(notes)).not.toContain('train-teacher');
    const planned = await planRun(config(model), scene.planContext);
    expect(planned.map(({ name, will }) => [name, will])).toEqual(OWN_STAGES.map(name => [name, 'reuse']));
  });

  it('learns anew when that teacher has changed', async () => {
    await writeFile(join(model, 'variables', 'variables.index'), 'other weights');
    const [first] = (await planRun(config(model), scene.planContext)).filter(({ will }) => will !== 'reuse');
    expect(first).toMatchObject({ name: 'export-teacher', will: 'run' });
  });

  it('is not started where it knows other classes than those that the run names', async () => {
    const named = scene.config({
      name: 'named',
      seed: 10,
      classes: ['tree', 'shrub'],
      distillation: { teacher_model_url: model },
    });
    const notes = await notesOf(async () => {
      await scene.runs.start(named);
      await expect(scene.runs.result('named')).rejects.toMatchObject({
        code: 'TEACHER_UNFIT',
        message: 'teacher rejected: the data set has shrub, which it does not know',
      });
    });
    expect(notes).toEqual([]);
    expect((await scene.runs.view('named')).stages.map(({ state }) => state)).not.toContain('done');
  });

  it('is not learned from where it knows other classes than cleaning has found', async () => {
    const other = join(scene.home, 'other', 'model');
    await mkdir(join(other, 'variables'), { recursive: true });
    await writeFile(join(other, 'variables', 'variables.index'), 'weights');
    await writeFile(join(other, 'model.json'), JSON.stringify({ ...CARD, classes: ['tree', 'shrub'] }));
    const notes = await notesOf(async () => {
      await scene.runs.start(config(other));
      await expect(scene.runs.result('taught')).rejects.toMatchObject({
        code: 'TEACHER_UNFIT',
        message: 'teacher rejected: it knows shrub, which the data set does not have',
      });
    });
    expect(notes).toEqual([]);
    const { stages } = await scene.runs.view('taught');
    expect(stages.slice(0, 2).map(({ name, state }) => [name, state])).toEqual([
      ['clean', 'reused'],
      ['export-teacher', 'failed'],
    ]);
  });

  it.each([
    ['..', 'lies above the model: name'],
    ['variables', 'variables is a part of the model: name'],
  ])('is not started where the folder lies one level away: %s', async (step, message) => {
    await expect(planRun(config(join(model, step)), scene.planContext)).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
      message: expect.stringContaining(message) as string,
    });
  });
});
