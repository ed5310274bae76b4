import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEvents } from '../../src/runs/events.js';
import { describeHistory } from '../../src/runs/history.js';
import { stagesOf } from '../../src/runs/stages.js';
import { quietWorkers } from '../temporal.js';
import { bundledWorkflows, lookUntil, openScene } from './scene.js';

/** Written anew by: DETDISTILL_RECORD=1 npx vitest run test/workflows/replay */
const FILE = join(import.meta.dirname, '../histories/distill.json');

const CHECKOUT = join(import.meta.dirname, '../../');

const recorded = async (): Promise<unknown> => JSON.parse(await readFile(FILE, 'utf8'));

/** With a teacher; its training is paused and resumed, the student's is killed once. */
async function record(): Promise<void> {
  const scene = await openScene();
  try {
    const { runs } = scene;
    await scene.startWorkers();
    await scene.play({ stepMs: 100, faults: [{ job: 'train-student', step: 8, how: 'crash', times: 1 }] });
    await runs.start(scene.config({ teacher: true }));
    await lookUntil(runs, 'trees', ({ progress }) => progress.some(one => (one.progress?.step ?? 0) > 2));
    await runs.pause('trees');
    await lookUntil(runs, 'trees', ({ progress }) => progress.length === 0);
    await runs.resume('trees');
    await runs.result('trees');
    const history = await scene.temporal.client.workflow.getHandle('distill/trees').fetchHistory();
    // Nothing of the machine it was recorded on.
    const text = historyToJSON(history)
      .replace(/"identity": "[^"]*"/g, '"identity": "a worker"')
      .replaceAll(CHECKOUT, '');
    await writeFile(FILE, `${text}\n`);
  } finally {
    await scene.close();
  }
}

describe('a recorded run', () => {
  it.runIf(process.env.DETDISTILL_RECORD)('is recorded anew, where DETDISTILL_RECORD asks for it', record);

  it('is repeated by the workflows of today: runs that are under way survive an upgrade', async () => {
    quietWorkers();
    const history = await recorded();
    await Worker.runReplayHistory({ workflowBundle: await bundledWorkflows() }, history, 'distill/trees');
  });

  it('reads like a diary', async () => {
    const lines = describeHistory(readEvents(historyFromJSON(await recorded())));
    expect(lines.map(({ what }) => what.replace(/\d+\.\d s/, '… s').replace(/\n[^]*/, '')))
      .toMatchInlineSnapshot(`
        [
          "run started: trees",
          "check: attempt 1 on a worker",
          "check: done",
          "clean: attempt 1 on a worker",
          "clean: done in … s",
          "train-teacher: attempt 1 on a worker",
          "asked to pause",
          "train-teacher: stopped",
          "asked to resume",
          "train-teacher: attempt 1 on a worker",
          "train-teacher: done in … s",
          "export-teacher: attempt 1 on a worker",
          "export-teacher: done in … s",
          "evaluate-teacher: attempt 1 on a worker",
          "evaluate-teacher: done in … s",
          "train-student: attempt 2 on a worker, after: the trainer process ended by itself (SIGKILL): illegal instruction, or so",
          "train-student: done in … s",
          "export-student: attempt 1 on a worker",
          "export-student: done in … s",
          "evaluate-student: attempt 1 on a worker",
          "evaluate-student: done in … s",
          "advise: attempt 1 on a worker",
          "advise: done in … s",
          "publish: attempt 1 on a worker",
          "publish: done",
          "run completed",
        ]
      `);
    expect(lines.every(({ at }) => at.getTime() > 0)).toBe(true);
  });

  it('shows every stage as done, the paused one as paused meanwhile', async () => {
    const events = readEvents(historyFromJSON(await recorded()));
    expect(stagesOf(events).stages.map(({ state }) => state)).toEqual(Array(8).fill('done'));
    const pausedAt = events.findIndex(({ kind }) => kind === 'step-stopped') + 1;
    expect(stagesOf(events.slice(0, pausedAt))).toMatchObject({
      paused: true,
      stages: [
        { name: 'clean', state: 'done' },
        { name: 'train-teacher', state: 'paused' },
        ...Array<object>(6).fill({ state: 'waiting' }),
      ],
    });
  });
});
