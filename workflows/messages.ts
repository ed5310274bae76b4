import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { RunStatus } from '../src/formats/run-status.js';

/** Stops running stages at a checkpoint, and starts no other, until `resume`. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
export const statusQuery = defineQuery<RunStatus>('status');
