import { createInterface } from 'node:readline';
import { inTemporaryFolder } from '../temporary-folder.js';

interface Prepared {
  /** The versions of the libraries in use. */
  readonly about: object;
  /** Makes one measurement: milliseconds, and other figures. */
  readonly run: () => Promise<{ readonly ms: number }>;
  /** Stops what has been started. */
  readonly end?: () => Promise<void>;
}

/**
 * Answers `start` in candidate.ts: the program prepares what the first line of stdin asks for and makes one measurement for each
 * further line. Nothing but the answers reaches stdout.
 * @param prepare gets a folder that is removed when the process ends
 */
export async function answerLines<O>(prepare: (open: O, folder: string) => Promise<Prepared>): Promise<void> {
  console.log = console.error;
  // The parent closes stdin and sends a signal; the folder must be removed before the process ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  await inTemporaryFolder(async folder => {
    let prepared: Prepared | undefined;
    for await (const line of createInterface(process.stdin)) {
      if (prepared) answer(await prepared.run());
      else {
        prepared = await prepare(JSON.parse(line) as O, folder); // written by the benchmark that starts this program
        process.stdout.write(`${JSON.stringify(prepared.about)}\n`);
      }
    }
    await prepared?.end?.();
  });
  process.exit(0);
}

function answer(measured: { readonly ms: number }): void {
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  const whole = { ...measured, sinceStartMs: performance.now(), peakMiB };
  process.stdout.write(`${JSON.stringify(whole)}\n`);
}
