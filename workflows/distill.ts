import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { RunConfig } from '../src/config/run.js';
import { plannedStages, type Role, type RunResult, type StageResult } from '../src/pipeline.js';
import { createStageRunner, type StageRunner } from './stage-runner.js';
import { advise, clean, evaluate, exportModel, publish, train } from './stages.js';

/**
 * Data cleaning → teacher training → export of the frozen teacher → student training with distillation → evaluation →
 * suggestions. What does not wait for each other runs side by side where workers allow.
 */
export async function distill(config: RunConfig): Promise<RunResult> {
  const runner = createStageRunner(plannedStages(config));
  const cleaned = await runner.run('clean', () => clean({ data: config.data, seed: config.seed }));
  const dataset = cleaned.artifact;
  const teacher = config.teacher && (await trainTeacher(runner, config, dataset));
  const [student, teacherReport] = await together([
    trainStudent(runner, config, { dataset, teacher }),
    teacher
      ? measure(runner, 'teacher', {
          model: teacher.model,
          dataset,
          batchSize: config.teacher!.eval_batch_size,
        })
      : Promise.resolve(null),
  ]);
  const report = await measure(runner, 'student', {
    model: student.model,
    dataset,
    batchSize: config.student.eval_batch_size,
  });
  const advice = await runner.run('advise', () =>
    advise({
      config,
      student: { trained: student.trained, report: report.artifact },
      teacher: teacher && teacherReport && { trained: teacher.trained, report: teacherReport.artifact },
    }),
  );
  const folder = await publish({
    config,
    runId: workflowInfo().workflowId,
    teacher: teacher &&
      teacherReport && { trained: teacher.trained, model: teacher.model, report: teacherReport.artifact },
    student: { trained: student.trained, model: student.model, report: report.artifact },
    suggestions: advice.artifact,
  });
  return {
    teacher: teacherReport?.metrics ?? null,
    student: report.metrics,
    stages: runner.stages,
    suggestions: advice.top,
    folder,
  };
}

type Dataset = StageResult['artifact'];
interface Trained {
  readonly trained: Dataset;
  readonly model: Dataset;
}

async function trainTeacher(
  runner: StageRunner,
  { teacher, student, mode, seed }: RunConfig,
  dataset: Dataset,
): Promise<Trained> {
  const trained = await runner.run('train-teacher', () =>
    train({ role: 'teacher', training: teacher!, mode, seed, dataset, teacher: null }),
  );
  // At the student's input size: both then answer on the same anchors.
  const model = await runner.run('export-teacher', () =>
    exportModel({ trained: trained.artifact, image_size: student.image_size }),
  );
  return { trained: trained.artifact, model: model.artifact };
}

async function trainStudent(
  runner: StageRunner,
  config: RunConfig,
  { dataset, teacher }: { dataset: Dataset; teacher: Trained | null },
): Promise<Trained> {
  const { student: training, mode, seed, distillation } = config;
  const weighs =
    distillation.use_offline_kd && (distillation.soft_cls_loss > 0 || distillation.soft_box_loss > 0);
  const guide = teacher && weighs ? { model: teacher.model, distillation } : null;
  const trained = await runner.run('train-student', () =>
    train({ role: 'student', training, mode, seed, dataset, teacher: guide }),
  );
  const model = await runner.run('export-student', () =>
    exportModel({ trained: trained.artifact, image_size: null }),
  );
  return { trained: trained.artifact, model: model.artifact };
}

const measure = (runner: StageRunner, role: Role, input: Parameters<typeof evaluate>[0]) =>
  runner.run(`evaluate-${role}`, () => evaluate(input));

/** When one branch fails, the other is stopped at a checkpoint before the run ends. */
async function together<A, B>(branches: readonly [Promise<A>, Promise<B>]): Promise<[A, B]> {
  try {
    return await Promise.all(branches);
  } catch (error) {
    CancellationScope.current().cancel();
    await Promise.allSettled(branches);
    throw error;
  }
}
