import { advise } from '../advice/advise.js';
import type { Evidence } from '../advice/rule.js';
import { analysisOf } from '../advice/analysis.js';
import type { TrainingHistory } from '../formats/training-history.js';
import { writeModelAnalysis } from '../formats/model-analysis.js';
import { readReport } from '../formats/report.js';
import { writeSuggestions } from '../formats/suggestions.js';
import type { AdviseInput, AdviseResult } from '../formats/stage-io.js';
import { readState } from '../formats/training-state.js';
import { asActivity } from '../../activities/context.js';
import type { Dependencies } from './dependencies.js';
import { adviseKey } from './keys.js';
import { reuseOrRun } from './reuse.js';

/** How a teacher from elsewhere was trained. */
const UNKNOWN: TrainingHistory = {
  stepsPerEpoch: 1,
  totalSteps: 1,
  points: [],
  evaluations: [],
  rollbacks: [],
};

/** As many suggestions as a run's result carries; the file has all. */
const SHOWN = 3;

export const createAdvise = (dependencies: Dependencies) => {
  const { store } = dependencies;
  const evidenceOf = async ({ report, trained }: NonNullable<AdviseInput['teacher']>): Promise<Evidence> => ({
    report: await readReport(await store.open(report)),
    history: trained === null ? UNKNOWN : (await readState(await store.open(trained))).history,
  });
  return (input: AdviseInput): Promise<AdviseResult> =>
    asActivity(context => {
      const stage = { kind: 'advise', key: adviseKey(input), context } as const;
      return reuseOrRun<AdviseResult>(dependencies, stage, async folder => {
        const student = await evidenceOf(input.student);
        const teacher = input.teacher && (await evidenceOf(input.teacher));
        const suggestions = advise({ config: input.config, student, teacher });
        await writeSuggestions(folder, suggestions);
        await writeModelAnalysis(folder, analysisOf(student.report, suggestions));
        return {
          top: suggestions.slice(0, SHOWN).map(({ id, severity, advice }) => ({ id, severity, advice })),
        };
      });
    });
};
