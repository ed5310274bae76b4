import { CancellationScope, setWorkflowOptions } from '@temporalio/workflow';
import type { RunConfig } from '../src/config/run.js';
import type { TrainResult } from '../src/formats/train-io.js';
import type { RunOutcome, TrainedCheckpoints } from '../src/stages/run-status.js';
import { StageRunner } from './stage-runner.js';

/**
 * Data cleaning → teacher training → export of the frozen teacher → student training with distillation → evaluation →
 * suggestions. Stages that do not wait for each other run side by side where workers allow.
 */
export async function distill(config: RunConfig): Promise<RunOutcome> {
  const run = new StageRunner(config);
  await run.check();
  await run.stage('clean');
  const trainedTeacher = await run.stage('train-teacher');
  await run.stage('export-teacher');
  // Where there is one worker, the shorter one goes first.
  const [teacher, trainedStudent] = await sideBySide(
    () => run.stage('evaluate-teacher'),
    async () => {
      const trained = await run.stage('train-student');
      await run.stage('export-student');
      return trained;
    },
  );
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
    suggestions: advice.top,
    folder,
  };
}

const checkpointsOf = ({ metrics, bestStep, last, steps, evaluations }: TrainResult): TrainedCheckpoints => ({
  best: { step: bestStep, metrics },
  last: { step: steps, metrics: last },
  evaluations,
});

// A mistake in this code ends the run, which can be started again at little cost; else it would look alive for ever.
setWorkflowOptions({ failureExceptionTypes: [Error] }, distill);

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
