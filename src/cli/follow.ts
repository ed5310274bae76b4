import type { RunConfig } from '../config/run.js';
import { AppError, errors } from '../errors/index.js';
import type { RunResult } from '../stages/run-status.js';
import type { Runs, RunView } from '../runs/runs.js';
import { showRun } from './progress/show-run.js';
import type { Terminal } from './terminal.js';

const POLL_MS = 1_000;

/** How long the server may be unreachable before following a run fails. A restart takes less. */
const OUTAGE_MS = 120_000;

interface Following {
  readonly runs: Runs;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Starts a run, or joins an unfinished run of the same name, and follows it to its end. */
export async function startAndFollow(config: RunConfig, following: Following): Promise<RunResult> {
  const { runs, terminal } = following;
  const { id, joined } = await runs.start(config);
  if (joined) {
    terminal.say(`resuming ${id}: it was interrupted or is running`);
    if ((await retryWhileUnreachable(() => runs.view(id), following))?.paused) await runs.resume(id);
  }
  await announceOthers(id, following);
  return followRun(id, following);
}

/** Other runs share the workers: a server that starts continues every interrupted run. */
async function announceOthers(id: string, { runs, terminal }: Following): Promise<void> {
  const others = (await runs.list()).filter(run => run.state === 'running' && run.id !== id);
  for (const other of others)
    terminal.say(
      `${other.id} is running, too, and shares the workers; pause it with: detdistill pause ${other.id}`,
    );
}

/** Shows a run until it ends. @throws the error that ended the run, or INTERRUPTED */
export async function followRun(id: string, following: Following): Promise<RunResult> {
  const { runs, terminal, signal } = following;
  const { show, end } = await showRun(terminal);
  try {
    for (;;) {
      const view = await retryWhileUnreachable(() => runs.view(id), following);
      if (!view) throw errors.interrupted();
      show(view);
      // Requested only now: a pending request would outlive the connection if following is interrupted.
      if (view.state !== 'running' && view.state !== 'paused') return await runs.result(id);
      await pause(signal);
    }
  } finally {
    end();
  }
}

/** Retries a request while the server is unreachable: the run continues meanwhile. null: interrupted. */
async function retryWhileUnreachable(
  request: () => Promise<RunView>,
  { signal }: Pick<Following, 'signal'>,
): Promise<RunView | null> {
  const deadline = Date.now() + OUTAGE_MS;
  while (!signal.aborted)
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || Date.now() > deadline) throw error;
      await pause(signal);
    }
  return null;
}

/** Waits until the next poll, or until following is interrupted. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : POLL_MS);
    signal.addEventListener('abort', done);
  });
}
