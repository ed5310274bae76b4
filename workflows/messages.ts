import { defineSignal } from '@temporalio/workflow';

/** Stops running stages at a checkpoint, and starts no other, until `resume`. */
export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
