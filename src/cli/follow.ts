import type { RunConfig } from '../config/run.js';
import { AppError, errors } from '../errors/index.js';
import type { RunResult } from '../formats/run-status.js';
import type { Runs, RunView } from '../runs/runs.js';
import { showRun } from './progress/show-run.js';
import type { Terminal } from './terminal.js';

const LOOK_MS = 1_000;

/** So long may a server be away before following it ends: longer than its restart. */
const PATIENCE_MS = 120_000;

interface Following {
  readonly runs: Runs;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Starts a run, or joins the one of its name that has not ended, and follows it to its end. */
export async function startAndFollow(config: RunConfig, following: Following): Promise<RunResult> {
  const { runs, terminal } = following;
  const { id, joined } = await runs.start(config);
  if (joined) {
    terminal.say(`resuming ${id}: it was interrupted or is under way`);
    if ((await patiently(() => runs.view(id), following))?.paused) await runs.resume(id);
  }
  await nameOthers(id, following);
  return followRun(id, following);
}

/** A server that starts goes on with every run that was interrupted: they share the workers. */
async function nameOthers(id: string, { runs, terminal }: Following): Promise<void> {
  const others = (await runs.list()).filter(run => run.state === 'running' && run.id !== id);
  for (const other of others)
    terminal.say(
      `${other.id} is under way, too, and shares the workers; detdistill pause ${other.id} holds it`,
    );
}

/** Shows a run until it ends. @throws the error that ended it, or that following it was interrupted */
export async function followRun(id: string, following: Following): Promise<RunResult> {
  const { runs, terminal, signal } = following;
  const { show, end } = await showRun(terminal);
  try {
    for (;;) {
      const view = await patiently(() => runs.view(id), following);
      if (!view) throw errors.interrupted();
      show(view);
      // Asked for only now: waiting for it would outlive the connection when following is interrupted.
      if (view.state !== 'running' && view.state !== 'paused') return await runs.result(id);
      await pause(signal);
    }
  } finally {
    end();
  }
}

/** A server that is away for a moment ends nothing: the run goes on without being looked at. undefined: interrupted. */
async function patiently(
  look: () => Promise<RunView>,
  { signal }: Pick<Following, 'signal'>,
): Promise<RunView | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!signal.aborted)
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || Date.now() > deadline) throw error;
      await pause(signal);
    }
  return undefined;
}

/** Until the next look, or until following is interrupted. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : LOOK_MS);
    signal.addEventListener('abort', done);
  });
}
