import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../errors.js';
import type { Runs } from '../runs/runs.js';
import type { Settings } from '../settings.js';
import { type Interruption, watchInterruption } from './interruption.js';
import { showParts } from './progress/parts.js';
import type { Terminal } from './terminal.js';

/** Where `detdistill dev` says that it runs, so that other commands of the same home use its server. */
const noteOf = ({ home }: Settings): string => join(home, 'dev.json');

export async function noteDevServer(settings: Settings, address: string): Promise<() => Promise<void>> {
  await mkdir(settings.home, { recursive: true });
  await writeFile(noteOf(settings), `${JSON.stringify({ address, pid: process.pid })}\n`);
  return () => rm(noteOf(settings), { force: true });
}

/** With the address of the server that `detdistill dev` runs for this home, where none is named. */
export async function withDevServer(settings: Settings): Promise<Settings> {
  if (settings.temporalAddress !== null) return settings;
  const text = await readFile(noteOf(settings), 'utf8').catch(() => '{}');
  const { address, pid } = JSON.parse(text) as { address?: string; pid?: number }; // written above
  return address !== undefined && pid !== undefined && isRunning(pid)
    ? { ...settings, temporalAddress: address }
    : settings;
}

/** Opens the runs of the server that is there. */
export async function withRuns<T>(settings: Settings, work: (runs: Runs) => Promise<T>): Promise<T> {
  const { connectRuns } = await import('../runs/runs.js');
  const runs = await connectRuns(await withDevServer(settings));
  return work(runs).finally(() => runs.close());
}

export interface ServerOptions {
  readonly settings: Settings;
  readonly terminal: Terminal;
  /** What Ctrl-C does, by whether server and workers end with this command. */
  readonly onInterrupt: { readonly embedded: string; readonly elsewhere: string };
}

/** The same, where server and workers are started on this machine for as long as `work` runs when none is there. */
export async function withServer<T>(
  { settings, terminal, onInterrupt }: ServerOptions,
  work: (runs: Runs, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const found = await withDevServer(settings);
  const isEmbedded = found.temporalAddress === null;
  const interruption = watchInterruption(() =>
    terminal.say(`\n${onInterrupt[isEmbedded ? 'embedded' : 'elsewhere']}`),
  );
  const follow = (): Promise<T> => withRuns(found, runs => work(runs, interruption.signal));
  try {
    return await (isEmbedded ? withEmbedded({ settings, terminal, interruption }, follow) : follow());
  } finally {
    interruption.release();
  }
}

async function withEmbedded<T>(
  {
    settings,
    terminal,
    interruption,
  }: { settings: Settings; terminal: Terminal; interruption: Interruption },
  work: () => Promise<T>,
): Promise<T> {
  const { startEmbedded } = await import('../../workers/embedded.js');
  const { onProgress, end } = await showParts(terminal);
  const embedded = await startEmbedded(settings, onProgress).finally(end);
  try {
    if (interruption.signal.aborted) throw errors.interrupted();
    return await work();
  } finally {
    await embedded.stop();
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // a process of another user counts as none: its home is another, too
  }
}
