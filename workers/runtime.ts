import { DefaultLogger, type LogEntry, Runtime } from '@temporalio/worker';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Settings } from '../src/settings.js';

let installed = false;

/** Sends the workers' logs to a file: the terminal shows progress. Signals are handled by the command that started them. */
export function installRuntime({ home }: Settings): void {
  if (installed) return;
  installed = true;
  const folder = join(home, 'logs');
  mkdirSync(folder, { recursive: true });
  const log = pino(pino.destination({ dest: join(folder, 'worker.log'), sync: true }));
  const write = ({ level, message, meta }: LogEntry): void => {
    const method = level === 'TRACE' ? 'trace' : (level.toLowerCase() as 'debug' | 'info' | 'warn' | 'error');
    log[method]({ ...meta }, message);
  };
  Runtime.install({
    logger: new DefaultLogger('INFO', write),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} } },
  });
}
