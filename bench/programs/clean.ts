/** Measured program: cleans a data set into an empty folder with every rule switched on. */
import { Data } from '../../src/config/run.js';
import { cleanDataset } from '../../src/data/cleaning/clean.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

interface OpenCleaning {
  readonly train: string;
  readonly outFolder: string;
}

await answerLines<OpenCleaning>(async ({ train, outFolder }) => ({
  about: await ownVersions(null),
  run: async () => {
    const [started, before] = [performance.now(), process.cpuUsage()];
    const report = await cleanDataset({ data: Data.parse({ train }), outFolder });
    const ms = performance.now() - started;
    const { user, system } = process.cpuUsage(before);
    const found = report.rules.filter(rule => rule.found > 0).map(rule => `${rule.id} ${rule.found}`);
    return { ms, processorMs: (user + system) / 1000, found };
  },
}));
