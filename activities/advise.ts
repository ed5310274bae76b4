import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { advise, writeSuggestions } from '../src/advice/advise.js';
import { readReport } from '../src/evaluation/report.js';
import type { AdviseInput, AdviseResult } from '../src/pipeline.js';
import { readState } from '../src/training/artifact.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';
import { adviseKey } from './keys.js';
import { reuseOrRun } from './reuse.js';

const SHOWN = 3;

export const createAdvise =
  ({ settings, store }: Dependencies) =>
  (input: AdviseInput): Promise<AdviseResult> =>
    asActivity(async () => {
      const key = adviseKey(input);
      const folder = join(settings.home, 'work', `advise-${key}`);
      const evidence = async ({ report, trained }: AdviseInput['student']) => ({
        report: await readReport(await store.open(report)),
        history: (await readState(await store.open(trained))).history,
      });
      return reuseOrRun<AdviseResult>(store, { kind: 'advise', key }, async () => {
        const student = await evidence(input.student);
        const teacher = input.teacher && (await evidence(input.teacher));
        const suggestions = advise({ config: input.config, student, teacher });
        await mkdir(folder, { recursive: true });
        await writeSuggestions(folder, suggestions);
        const top = suggestions.slice(0, SHOWN).map(({ id, severity, advice }) => ({ id, severity, advice }));
        return { folder, facts: { top } };
      }).finally(() => rm(folder, { recursive: true, force: true }));
    });
