import { type WorkflowExecutionDescription, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunConfig } from '../config/run.js';
import { errors } from '../errors/index.js';
import { canonicalJson, sha256 } from '../files/hashing.js';
import { QUEUES } from '../stages/stages.js';
import type { RunMemo } from '../formats/run-memo.js';
import type { RunOutcome, RunResult, RunStatus } from '../stages/run-status.js';
import type { StageProgress } from '../formats/progress.js';
import type { Settings } from '../settings.js';
import { connectServer, type ServerConnection } from './connection.js';
import { decode, readEvents, reasonOf } from './events.js';
import { endingError } from './failure.js';
import { type LaunchInput, readLaunch } from './launch.js';
import { describeHistory, type HistoryLine } from './history.js';
import { openSteps, stagesOf } from './stages.js';

export type RunState = 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';

export interface RunSummary {
  readonly id: string;
  readonly state: RunState;
  readonly started: Date;
  readonly ended: Date | null;
}

/** The present state of a run. */
export interface RunView extends RunStatus {
  readonly id: string;
  readonly state: RunState;
  /** The newest heartbeats of the running activities. */
  readonly progress: readonly RunningActivity[];
}
export interface RunningActivity {
  /** The name of the stage, or `check` or `publish`. */
  readonly step: string;
  /** Temporal's activity type. */
  readonly activity: string;
  readonly attempt: number;
  /** The reason for another attempt; null: this is the first. */
  readonly lastFailure: string | null;
  /** null: no worker has taken it yet. */
  readonly progress: StageProgress | null;
}

/** A run that was just started or joined. */
export interface LaunchedRun {
  readonly id: string;
  /** Whether it was running already. */
  readonly joined: boolean;
  /** Settings that are allowed but probably not meant, one line each. */
  readonly warnings: readonly string[];
  view(): Promise<RunView>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  cancel(): Promise<void>;
  /** Waits for the end of the run. @throws the error that ended it, with the stage among its `facts` */
  result(): Promise<RunResult>;
}

/** Starts, shows and controls the runs of one Temporal server. */
export interface Runs {
  /**
   * Validates and starts a run, or a job given by ModelArts' parameters, as `start` does.
   * @throws CONFIG_INVALID, RUN_DIFFERS
   */
  launch(input: LaunchInput): Promise<LaunchedRun>;
  /** Starts a run. A running one of the same name and configuration is joined. @throws RUN_DIFFERS */
  start(config: RunConfig): Promise<{ id: string; joined: boolean }>;
  view(id: string): Promise<RunView>;
  list(): Promise<RunSummary[]>;
  history(id: string): Promise<HistoryLine[]>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  cancel(id: string): Promise<void>;
  /** Waits for the end of the run. @throws the error that ended it, with the stage among its `facts` */
  result(id: string): Promise<RunResult>;
  close(): Promise<void>;
}

const PREFIX = 'distill/';
const POLL_INTERVAL_MS = 500;

const STATES: Readonly<Record<string, RunState>> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'cancelled',
};

export async function connectRuns(settings: Settings): Promise<Runs> {
  const server = await connectServer(settings);
  const { client, ask } = server;
  const handle = (id: string) => client.workflow.getHandle(`${PREFIX}${id}`);
  const runs: Runs = {
    launch: async input => {
      const { config, warnings } = await readLaunch(input, settings);
      const { id, joined } = await runs.start(config);
      const view = (): Promise<RunView> => runs.view(id);
      const result = (): Promise<RunResult> => runs.result(id);
      const signals = {
        pause: () => runs.pause(id),
        resume: () => runs.resume(id),
        cancel: () => runs.cancel(id),
      };
      return { id, joined, warnings, view, result, ...signals };
    },
    start: config => startRun(server, config),
    view: id => viewRun(server, id),
    list: () => listRuns(server),
    history: async id => describeHistory(readEvents(await ask(id, () => handle(id).fetchHistory()))),
    pause: id => ask(id, () => handle(id).signal('pause')),
    resume: id => ask(id, () => handle(id).signal('resume')),
    cancel: id => ask(id, async () => void (await handle(id).cancel())),
    result: id => resultOf(server, id),
    close: () => server.close(),
  };
  return runs;
}

async function startRun(
  { client, ask }: ServerConnection,
  config: RunConfig,
): Promise<{ id: string; joined: boolean }> {
  const id = config.name;
  const workflowId = `${PREFIX}${id}`;
  const memo = { config: sha256(canonicalJson(config)) } satisfies RunMemo;
  try {
    await ask(id, () =>
      client.workflow.start('distill', {
        workflowId,
        taskQueue: QUEUES.control,
        args: [config],
        memo: { ...memo },
      }),
    );
    return { id, joined: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const running = await ask(id, () => client.workflow.getHandle(workflowId).describe());
    if (memoOf(running).config !== memo.config) throw errors.runDiffers(id);
    return { id, joined: true };
  }
}

async function viewRun({ client, ask }: ServerConnection, id: string): Promise<RunView> {
  const handle = client.workflow.getHandle(`${PREFIX}${id}`);
  const description = await ask(id, () => handle.describe());
  const events = readEvents(await ask(id, () => handle.fetchHistory()));
  const status = stagesOf(events);
  const progress = progressOf(description.raw.pendingActivities ?? [], openSteps(events));
  return { ...status, id, state: stateOf(description.status.name, status.paused), progress };
}

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/**
 * The heartbeats of a description.
 *
 * @param open the steps that a history read after it has open: an activity may have ended in between
 */
export const progressOf = (
  pending: readonly PendingActivity[],
  open: ReadonlySet<string>,
): RunningActivity[] =>
  pending
    .map(activity => ({
      step: activity.activityId ?? '',
      activity: activity.activityType?.name ?? '',
      attempt: activity.attempt ?? 1,
      lastFailure: activity.lastFailure ? reasonOf(activity.lastFailure) : null,
      progress: decode<StageProgress>(activity.heartbeatDetails) ?? null,
    }))
    .filter(({ step }) => open.has(step));

async function listRuns({ client, ask }: ServerConnection): Promise<RunSummary[]> {
  return ask('', async () => {
    const runs: RunSummary[] = [];
    for await (const run of client.workflow.list({ query: 'WorkflowType = "distill"' }))
      runs.push({
        id: run.workflowId.slice(PREFIX.length),
        state: stateOf(run.status.name, memoOf(run).paused === true),
        started: run.startTime,
        ended: run.closeTime ?? null,
      });
    return runs;
  });
}

async function resultOf({ client, ask, closing }: ServerConnection, id: string): Promise<RunResult> {
  const handle = client.workflow.getHandle(`${PREFIX}${id}`);
  while ((await ask(id, () => handle.describe())).status.name === 'RUNNING')
    await sleep(POLL_INTERVAL_MS, undefined, { signal: closing });
  try {
    // The workflow of this name returns nothing else.
    const outcome = await ask(id, async () => (await handle.result()) as RunOutcome);
    const { stages } = stagesOf(readEvents(await ask(id, () => handle.fetchHistory())));
    return { ...outcome, stages };
  } catch (error) {
    throw endingError(error);
  }
}

const memoOf = ({ memo }: Pick<WorkflowExecutionDescription, 'memo'>): Partial<RunMemo> => memo ?? {};

function stateOf(name: string, paused: boolean): RunState {
  const state = STATES[name] ?? 'failed';
  return state === 'running' && paused ? 'paused' : state;
}
