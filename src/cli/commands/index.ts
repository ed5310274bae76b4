import type { Command } from '../command.js';
import { clean } from './clean.js';
import { demo } from './demo.js';
import { dev } from './dev.js';
import { evaluate } from './evaluate.js';
import { exportCommand } from './export.js';
import { history } from './history.js';
import { importCheckpoint } from './import-checkpoint.js';
import { list } from './list.js';
import { modelarts } from './modelarts.js';
import { plan } from './plan.js';
import { predict } from './predict.js';
import { run } from './run.js';
import { serve } from './serve.js';
import { setup } from './setup.js';
import { cancel, pause, resume } from './signals.js';
import { status } from './status.js';
import { watch } from './watch.js';
import { worker } from './worker.js';

/** The commands in the order of `--help`, by group. */
export const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
  Start: [setup, demo, run, plan, modelarts],
  Inspect: [list, status, watch, history],
  Control: [pause, resume, cancel],
  'Single steps': [clean, evaluate, predict, importCheckpoint, exportCommand],
  'Servers and workers': [serve, dev, worker],
};
