import { CancellationScope, patched, setWorkflowOptions } from '@temporalio/workflow';
import type { RunConfig } from '../src/config/run.js';
import type { TrainResult } from '../src/formats/train-io.js';
import type { RunOutcome, TrainedCheckpoints } from '../src/stages/run-status.js';
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
  const [teacher, trainedStudent] = await evaluateAndTeach(run);
  const student = await run.stage('evaluate-student');
  const advice = await run.stage('advise');
  const folder = await run.publish();
  return {
    teacher: teacher && teacher.metrics,
    student: student.metrics,
    test: student.test && { teacher: teacher && teacher.test, student: student.test },
    checkpoints: {
      teacher: trainedTeacher && checkpointsOf(trainedTeacher),
      student: checkpointsOf(trainedStudent),
    },
    warnings: { teacher: trainedTeacher?.warnings ?? [], student: trainedStudent.warnings },
    suggestions: advice.top,
    folder,
  };
}

/** Evaluates the teacher before its student is trained, which needs the result. */
async function evaluateAndTeach(run: StageRunner): Promise<[EvaluateResult | null, TrainResult]> {
  const evaluateTeacher = (): Promise<EvaluateResult | null> => run.stage('evaluate-teacher');
  const teach = async (): Promise<TrainResult> => {
    const trained = await run.stage('train-student');
    await run.stage('export-student');
    return trained;
  };
  if (patched('teacher-is-evaluated-first')) return [await evaluateTeacher(), await teach()];
  return sideBySide(evaluateTeacher, teach);
}

const checkpointsOf = ({ metrics, bestStep, last, steps, evaluations }: TrainResult): TrainedCheckpoints => ({
  best: { step: bestStep, metrics },
  last: { step: steps, metrics: last },
  evaluations,
});

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
