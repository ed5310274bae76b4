import { constants } from 'node:os';

export interface Interruption {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Restores the default behaviour of Ctrl-C. */
  readonly release: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Under npm, one press arrives twice: from the terminal and from npm. */
const SAME_PRESS_MS = 500;

/** The first Ctrl-C stops in order, the second one at once. @param onFirst tells the user what happens now */
export function watchInterruption(onFirst: () => void): Interruption {
  const controller = new AbortController();
  let firstAt = 0;
  const listen = (name: (typeof SIGNALS)[number]): void => {
    const now = Date.now();
    if (controller.signal.aborted && now - firstAt < SAME_PRESS_MS) return;
    // The convention for a process that was ended by a signal: 128 + its number.
    process.exitCode = 128 + constants.signals[name];
    if (controller.signal.aborted) process.exit();
    firstAt = now;
    onFirst();
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, listen);
  return {
    signal: controller.signal,
    release: () => SIGNALS.forEach(name => process.off(name, listen)),
  };
}
