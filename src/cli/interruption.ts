import { constants } from 'node:os';

export interface Interruption {
  /** Aborted by the first Ctrl-C, or when the process is asked to end. */
  readonly signal: AbortSignal;
  /** Lets Ctrl-C end the process again. */
  readonly release: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** npm passes Ctrl-C on to a process that the terminal has told already: one press comes twice. */
const SAME_PRESS_MS = 500;

/** Ctrl-C once ends in order, twice at once. @param onFirst says what happens now */
export function watchInterruption(onFirst: () => void): Interruption {
  const controller = new AbortController();
  let firstAt = 0;
  const listen = (name: (typeof SIGNALS)[number]): void => {
    const now = Date.now();
    if (controller.signal.aborted && now - firstAt < SAME_PRESS_MS) return;
    // A process that a signal ended says so by 128 + its number.
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
