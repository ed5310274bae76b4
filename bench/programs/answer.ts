import { createInterface } from 'node:readline';
import { inFolder } from '../folder.js';

interface Prepared {
  /** What it is: versions, sizes. */
  readonly about: object;
  /** One measurement: milliseconds, and what else is known of it. */
  readonly run: () => Promise<{ readonly ms: number }>;
  /** What has to be stopped in the end. */
  readonly end?: () => Promise<void>;
}

/**
 * The other side of `start` in contestants.ts: prepares what the first line asks for, then measures once for each further
 * line. Nothing else gets to stdout.
 * @param prepare is given a folder that is there for as long as the process lives
 */
export async function answerLines<O>(prepare: (open: O, folder: string) => Promise<Prepared>): Promise<void> {
  console.log = console.error;
  // The parent says that it is enough by closing the pipe: the folder is to be removed first.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  await inFolder(async folder => {
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
