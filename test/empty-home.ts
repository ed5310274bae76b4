import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

// Gives a suite a DETDISTILL_HOME in which nothing has been set up.
const home = mkdtempSync(join(tmpdir(), 'detdistill-empty-'));
process.env.DETDISTILL_HOME = home;
afterAll(() => rmSync(home, { recursive: true, force: true }));
