import { advise as suggest } from '../advice/advise.js';
import type { Evidence } from '../advice/rule.js';
import { analysisOf } from '../advice/analysis.js';
import type { TrainingHistory } from '../formats/training-history.js';
import { writeModelAnalysis } from '../formats/model-analysis.js';
import { readReport } from '../formats/report.js';
import { writeSuggestions } from '../formats/suggestions.js';
import type { AdviseInput, AdviseResult } from './stages.js';
import { readState } from '../formats/training-state.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import type { StageEnvironment } from './context.js';
import { keyOf } from './keys.js';
import { reuseOrRun } from './reuse.js';

/** Stands for the training history of a teacher that was trained elsewhere. */
const UNKNOWN: TrainingHistory = {
  stepsPerEpoch: 1,
  totalSteps: 1,
  points: [],
  evaluations: [],
  warnings: [],
  rollbacks: [],
};

/** The number of suggestions in a run's result; the file has all. */
const SHOWN = 3;

/** Derives suggestions from the reports and the training histories; the artifact holds all of them. */
export async function advise(input: AdviseInput, environment: StageEnvironment): Promise<AdviseResult> {
  const { settings, store } = environment;
  const key = await keyOf('advise', input, settings);
  return reuseOrRun({ kind: 'advise', key }, environment, async folder => {
    const student = await evidenceOf(store, input.student);
    const teacher = input.teacher && (await evidenceOf(store, input.teacher));
    const suggestions = suggest({ config: input.config, student, teacher });
    await writeSuggestions(folder, suggestions);
    await writeModelAnalysis(folder, analysisOf(student, suggestions));
    return {
      top: suggestions.slice(0, SHOWN).map(({ id, severity, advice }) => ({ id, severity, advice })),
    };
  });
}

const evidenceOf = async (
  store: ArtifactStore,
  { report, trained }: NonNullable<AdviseInput['teacher']>,
): Promise<Evidence> => ({
  report: await readReport(await store.open(report)),
  history: trained === null ? UNKNOWN : (await readState(await store.open(trained))).history,
});
