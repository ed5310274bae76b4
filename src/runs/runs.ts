import {
  Client,
  Connection,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { RunConfig } from '../config/run.js';
import { AppError, type ErrorFacts, errors } from '../errors.js';
import { QUEUES, type RunResult, type RunStatus, type StageProgress } from '../pipeline.js';
import type { Settings } from '../settings.js';
import { readHistory, type HistoryLine } from './history.js';

export type RunState = 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';

export interface RunSummary {
  readonly id: string;
  readonly state: RunState;
  readonly started: Date;
  readonly ended: Date | null;
}

/** What a run does at this moment. */
export interface RunView extends RunStatus {
  readonly id: string;
  readonly state: RunState;
  /** What the running activities said last, by activity name. */
  readonly progress: readonly RunningActivity[];
}
export interface RunningActivity {
  readonly activity: string;
  readonly attempt: number;
  readonly lastFailure: string | null;
  readonly progress: StageProgress | null;
}

/** Runs as people and programs handle them. */
export interface Runs {
  /** Starts a run; one of the same name that is running is joined. */
  start(config: RunConfig): Promise<{ id: string; joined: boolean }>;
  view(id: string): Promise<RunView>;
  list(): Promise<RunSummary[]>;
  history(id: string): Promise<HistoryLine[]>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  cancel(id: string): Promise<void>;
  /** Waits for the end. Throws the error that ended a failed run. */
  result(id: string): Promise<RunResult>;
  close(): Promise<void>;
}

const PREFIX = 'distill/';
const DEADLINE_MS = 10_000;
const CONNECT_MS = 5_000;

const STATES: Readonly<Record<string, RunState>> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'cancelled',
  PAUSED: 'paused',
};
const stateOf = (name: string): RunState => STATES[name] ?? 'failed';

export async function connectRuns({
  temporalAddress,
  temporalPort,
  temporalNamespace: namespace,
}: Settings): Promise<Runs> {
  const address = temporalAddress ?? `127.0.0.1:${temporalPort}`;
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_MS }).catch(
    (cause: unknown) => {
      throw errors.serverUnreachable(address, cause);
    },
  );
  const client = new Client({ connection, namespace });
  const handle = (id: string) => client.workflow.getHandle(`${PREFIX}${id}`);
  const ask = async <T>(id: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await connection.withDeadline(Date.now() + DEADLINE_MS, work);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw errors.runMissing(id);
      throw isGrpcServiceError(error) ? errors.serverUnreachable(address, error) : error;
    }
  };

  return {
    start: config =>
      ask(config.name, async () => {
        const options = {
          workflowId: `${PREFIX}${config.name}`,
          taskQueue: QUEUES.control,
          args: [config],
          memo: { name: config.name },
        };
        try {
          await client.workflow.start('distill', options);
          return { id: config.name, joined: false };
        } catch (error) {
          if (error instanceof WorkflowExecutionAlreadyStartedError) return { id: config.name, joined: true };
          throw error;
        }
      }),
    view: id =>
      ask(id, async () => {
        const description = await handle(id).describe();
        const status = await handle(id).query<RunStatus>('status');
        const pending = description.raw.pendingActivities ?? [];
        const progress = pending.map((activity): RunningActivity => ({
          activity: activity.activityType?.name ?? '',
          attempt: activity.attempt ?? 1,
          lastFailure: activity.lastFailure?.message ?? null,
          progress: decode(activity.heartbeatDetails?.payloads?.[0]?.data),
        }));
        const state = stateOf(description.status.name);
        return { ...status, id, state: state === 'running' && status.paused ? 'paused' : state, progress };
      }),
    list: () =>
      ask('', async () => {
        const runs: RunSummary[] = [];
        for await (const { workflowId, status, startTime, closeTime } of client.workflow.list({
          query: 'WorkflowType = "distill"',
        }))
          runs.push({
            id: workflowId.slice(PREFIX.length),
            state: stateOf(status.name),
            started: startTime,
            ended: closeTime ?? null,
          });
        return runs;
      }),
    history: id => ask(id, async () => readHistory(await handle(id).fetchHistory())),
    pause: id => ask(id, () => handle(id).signal('pause')),
    resume: id => ask(id, () => handle(id).signal('resume')),
    cancel: id => ask(id, async () => void (await handle(id).cancel())),
    result: async id => {
      try {
        return (await handle(id).result()) as RunResult;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) throw errors.runMissing(id);
        throw rootError(error);
      }
    },
    close: () => connection.close(),
  };
}

const decode = (data: Uint8Array | null | undefined): StageProgress | null =>
  data ? (JSON.parse(new TextDecoder().decode(data)) as StageProgress) : null;

/** The error of the catalogue that ended a run, out of Temporal's wrappings. */
function rootError(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  let cause: unknown = error.cause;
  while (cause instanceof Error) {
    const details = (cause as { details?: unknown[] }).details?.[0];
    if (details && typeof details === 'object' && 'code' in details)
      return AppError.from(details as ErrorFacts, error);
    if (!cause.cause) return cause.name === 'CancelledFailure' ? errors.runCancelled() : cause;
    cause = cause.cause;
  }
  return error;
}
