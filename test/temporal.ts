import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';

/** The path of Temporal's command. */
export async function providedTemporal(): Promise<string> {
  const { temporal } = await provideNativeParts({ settings: readSettings(), parts: ['temporal'] });
  return temporal;
}

let isQuiet = false;

/** Workers of this process log nothing below errors. */
export function quietWorkers(): void {
  if (isQuiet) return;
  isQuiet = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
  });
}

/** A real Temporal server of one's own on a free port, in memory. */
export async function startTemporal(): Promise<TestWorkflowEnvironment> {
  quietWorkers();
  const executable = { type: 'existing-path', path: await providedTemporal() } as const;
  return TestWorkflowEnvironment.createLocal({
    server: { executable, log: { format: 'json', level: 'error' }, extraArgs: ['--headless'] },
  });
}
