import { CancellationScope, setWorkflowOptions } from '@temporalio/workflow';
import type { RunConfig } from '../src/config/run.js';
import {
  type ArtifactRef,
  type EvaluateResult,
  plannedStages,
  type PublishedModel,
  type Role,
  type RunResult,
} from '../src/pipeline.js';
import { StageRunner } from './stage-runner.js';

/**
 * Data cleaning → teacher training → export of the frozen teacher → student training with distillation → evaluation →
 * suggestions. What does not wait for each other runs side by side where workers allow.
 */
export async function distill(config: RunConfig): Promise<RunResult> {
  const runner = new StageRunner(plannedStages(config));
  await runner.step('check', ({ checkOutput }) => checkOutput(config));
  const { artifact: dataset } = await runner.run('clean', ({ clean }) =>
    clean({ data: config.data, seed: config.seed }),
  );
  const teacher = config.teacher && (await trainTeacher(runner, config, dataset));
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

async function trainTeacher(
  runner: StageRunner,
  { teacher, student, mode, seed }: RunConfig,
  dataset: ArtifactRef,
): Promise<Trained> {
  const { artifact: trained } = await runner.run('train-teacher', ({ train }) =>
    train({ role: 'teacher', training: teacher!, mode, seed, dataset, teacher: null }),
  );
  // At the student's input size: both then answer on the same anchors.
  const { artifact: model } = await runner.run('export-teacher', ({ exportModel }) =>
    exportModel({ trained, image_size: student.image_size }),
  );
  return { trained, model };
}

async function trainStudent(
  runner: StageRunner,
  { config, dataset, teacher }: { config: RunConfig; dataset: ArtifactRef; teacher: Trained | null },
): Promise<Trained> {
  const { student: training, mode, seed, distillation } = config;
  const weighs = distillation.soft_cls_loss > 0 || distillation.soft_box_loss > 0;
  const isGuided = distillation.use_offline_kd && weighs;
  const guide = isGuided && teacher ? { model: teacher.model, distillation } : null;
  const { artifact: trained } = await runner.run('train-student', ({ train }) =>
    train({ role: 'student', training, mode, seed, dataset, teacher: guide }),
  );
  const { artifact: model } = await runner.run('export-student', ({ exportModel }) =>
    exportModel({ trained, image_size: null }),
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
    evaluate({ model, dataset, batchSize: config[role]!.eval_batch_size }),
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
