import { CancellationScope, setWorkflowOptions } from '@temporalio/workflow';
import type { RunConfig } from '../src/config/run.js';
import type { ArtifactRef } from '../src/formats/artifact.js';
import type { EvaluateResult, PublishedModel, PublishedTeacher, Role } from '../src/formats/stage-io.js';
import { onlineWeights, plannedStages, teacherFrom, teacherInput } from '../src/stages/stages.js';
import type { RunResult } from '../src/formats/run-status.js';
import { StageRunner } from './stage-runner.js';

/**
 * Data cleaning → teacher training → export of the frozen teacher → student training with distillation → evaluation →
 * suggestions. What does not wait for each other runs side by side where workers allow.
 */
export async function distill(config: RunConfig): Promise<RunResult> {
  const runner = new StageRunner(plannedStages(config));
  await runner.step('check', ({ checkOutput }) => checkOutput(config));
  const { artifact: dataset, classes } = await runner.run('clean', ({ clean }) =>
    clean({ data: config.data, seed: config.seed }),
  );
  const teacher = await provideTeacher(runner, config, { dataset, classes });
  // Where there is one worker, the shorter one goes first.
  const [teacherReport, student] = await sideBySide(
    async () =>
      teacher && (await measure(runner, { config, role: 'teacher', model: teacher.model, dataset })),
    () => trainStudent(runner, { config, dataset, teacher }),
  );
  const report = await measure(runner, { config, role: 'student', model: student.model, dataset });
  const models = {
    teacher: teacher && teacherReport && { ...teacher, report: teacherReport.artifact },
    student: { ...student, report: report.artifact },
  };
  const advice = await runner.run('advise', ({ advise }) => advise({ config, ...models }));
  const folder = await runner.step('publish', ({ publish }) =>
    publish({ config, ...models, suggestions: advice.artifact }),
  );
  return {
    teacher: teacherReport && teacherReport.metrics,
    student: report.metrics,
    stages: runner.stages,
    suggestions: advice.top,
    folder,
  };
}

// A mistake in this code ends the run, which can be started again at little cost; else it would look alive for ever.
setWorkflowOptions({ failureExceptionTypes: [Error] }, distill);

type Trained = Omit<PublishedModel, 'report'>;
type Teacher = Omit<PublishedTeacher, 'report'>;

/** Trained here, or there already; null: nothing is distilled. */
async function provideTeacher(
  runner: StageRunner,
  config: RunConfig,
  { dataset, classes }: { dataset: ArtifactRef; classes: readonly string[] },
): Promise<Teacher | null> {
  const { data, teacher: training, student, mode, seed } = config;
  const folder = teacherFrom(config);
  if (training === null && folder === null) return null;
  const trained =
    training &&
    (
      await runner.run('train-teacher', ({ train }) =>
        train({ role: 'teacher', training, mode, seed, dataset, data, teacher: null, online: null }),
      )
    ).artifact;
  // At the student's input size: both then answer on the same anchors.
  const { artifact: model } = await runner.run('export-teacher', ({ exportModel }) =>
    exportModel({ trained: trained ?? { folder: folder! }, image_size: student.image_size, classes }),
  );
  return { trained, model };
}

async function trainStudent(
  runner: StageRunner,
  { config, dataset, teacher }: { config: RunConfig; dataset: ArtifactRef; teacher: Teacher | null },
): Promise<Trained> {
  const { data, student: training, mode, seed } = config;
  const online = onlineWeights(config.distillation);
  const guide = teacherInput(config.distillation, teacher?.model);
  const { artifact: trained } = await runner.run('train-student', ({ train }) =>
    train({ role: 'student', training, mode, seed, dataset, data, teacher: guide, online }),
  );
  const { artifact: model } = await runner.run('export-student', ({ exportModel }) =>
    exportModel({ trained, image_size: null, classes: null }),
  );
  return { trained, model };
}

interface Measured {
  readonly config: RunConfig;
  readonly role: Role;
  readonly model: ArtifactRef;
  readonly dataset: ArtifactRef;
}

const measure = (runner: StageRunner, { config, role, model, dataset }: Measured): Promise<EvaluateResult> =>
  runner.run(`evaluate-${role}`, ({ evaluate }) =>
    evaluate({ model, dataset, batchSize: (config[role] ?? config.student).eval_batch_size }),
  );

/** When one branch fails, the other is stopped at a checkpoint before the error goes on. */
function sideBySide<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  const scope = new CancellationScope();
  return scope.run(async () => {
    const branches = [first(), second()] as const;
    try {
      return await Promise.all(branches);
    } catch (error) {
      scope.cancel();
      await Promise.allSettled(branches);
      throw error;
    }
  });
}
