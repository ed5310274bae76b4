import type { Command } from '../command.js';
import { clean } from './clean.js';
import { evaluate } from './evaluate.js';
import { setup } from './setup.js';

/** The commands, as help lists them. A new one is a file here and a row. */
export const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
  Start: [setup],
  'Parts of a run': [clean, evaluate],
};
