import { CancellationScope, patched, setWorkflowOptions } from '@temporalio/workflow';
import type { RunConfig } from '../src/config/run.js';
import type { RunOutcome } from '../src/stages/run-status.js';
import type { EvaluateResult } from '../src/stages/stages.js';
import { StageRunner } from './stage-runner.js';

/**
 * Data cleaning → teacher training → export of the frozen teacher → its evaluation → student training with distillation →
 * evaluation → suggestions.
 */
export async function distill(config: RunConfig): Promise<RunOutcome> {
  const run = new StageRunner(config);
  await run.check();
  await run.stage('clean');
  const trainedTeacher = await run.stage('train-teacher');
  await run.stage('export-teacher');
  const { teacher, warnings: ofStudent } = await evaluateAndTeach(run);
  const student = await run.stage('evaluate-student');
  const advice = await run.stage('advise');
  const folder = await run.publish();
  return {
    teacher: teacher && teacher.metrics,
    student: student.metrics,
    warnings: { teacher: trainedTeacher?.warnings ?? [], student: ofStudent },
    suggestions: advice.top,
    folder,
  };
}

interface Taught {
  readonly teacher: EvaluateResult | null;
  /** The warnings of the student's training. */
  readonly warnings: readonly string[];
}

/** Evaluates the teacher before its student is trained, which needs the result. */
async function evaluateAndTeach(run: StageRunner): Promise<Taught> {
  const teach = async (): Promise<readonly string[]> => {
    const { warnings } = await run.stage('train-student');
    await run.stage('export-student');
    return warnings;
  };
  if (!patched('teacher-is-evaluated-first')) {
    const [teacher, warnings] = await sideBySide(() => run.stage('evaluate-teacher'), teach);
    return { teacher, warnings };
  }
  const teacher = await run.stage('evaluate-teacher');
  return { teacher, warnings: await teach() };
}

// A mistake in this code ends the run, which can be started again at little cost; else it would look alive for ever.
setWorkflowOptions({ failureExceptionTypes: [Error] }, distill);

/** As runs did that started before the patch. When one branch fails, the other is stopped at a checkpoint before the error goes on. */
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
