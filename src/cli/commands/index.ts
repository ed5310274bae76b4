import type { Command } from '../command.js';
import { clean } from './clean.js';
import { demo } from './demo.js';
import { evaluate } from './evaluate.js';
import { exportCommand, predict } from './models.js';
import { dev, worker } from './processes.js';
import { run } from './run.js';
import { cancel, history, list, pause, resume, status, watch } from './runs.js';
import { setup } from './setup.js';

/** The commands, as help lists them. A new one is a file here and a row. */
export const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
  Start: [setup, demo, run, dev],
  Look: [list, status, watch, history],
  Act: [pause, resume, cancel],
  'Parts of a run': [clean, evaluate, predict, exportCommand],
  'Several machines': [worker],
};
