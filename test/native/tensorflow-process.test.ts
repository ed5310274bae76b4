import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forkTensorFlow, sendMessage, waitForExit } from '../../src/native/tensorflow-process.js';
import { readSettings } from '../../src/settings.js';

let home: string;
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'detdistill-process-'))));
afterEach(() => rm(home, { recursive: true, force: true }));

it('keeps all output in the log, and the last lines, without the notices of TensorFlow, for the report', async () => {
  const program = join(home, 'program.mjs');
  await writeFile(
    program,
    `process.stderr.write('WARNING: All log messages before absl::InitializeLog() is called\\n');
     process.stderr.write('I0000 00:00:1.0 7 port.cc:153] oneDNN custom operations are on.\\n');
     process.stderr.write('F0000 00:00:1.0 7 tensor.cc:1] Check failed\\n', () => process.exit(3));`,
  );
  const settings = readSettings({ DETDISTILL_HOME: home });
  const { child, outputTail } = forkTensorFlow(pathToFileURL(program), settings, 'program.log');
  expect(await waitForExit(child)).toBe('exit status 3');
  expect(outputTail()).toBe('F0000 00:00:1.0 7 tensor.cc:1] Check failed');
  expect(await readFile(join(home, 'logs', 'program.log'), 'utf8')).toContain('oneDNN custom');
  expect(() => sendMessage(child, { type: 'stop' })).not.toThrow();
});
