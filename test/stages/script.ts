import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SoftWeights } from '../../src/config/run.js';
import type { CocoMetrics } from '../../src/formats/coco-metrics.js';

export interface Fault {
  /** train-student, train-teacher, export, evaluate */
  readonly job: string;
  readonly step: number;
  readonly how: 'crash' | 'hang' | 'refuse' | 'lose' | 'mistake';
  readonly times: number;
}

/** What the fake trainer does, read from script.json in the home. */
export interface Script {
  readonly steps: number;
  /** Steps from checkpoint to checkpoint. */
  readonly every: number;
  readonly stepMs: number;
  /** How long it takes to save when asked to stop. */
  readonly saveMs: number;
  readonly faults: readonly Fault[];
  /** Counts the scripts of a home: each has faults of its own. */
  readonly play: number;
}

export const SCRIPT: Script = { steps: 20, every: 5, stepMs: 5, saveMs: 0, faults: [], play: 0 };

/** A line of notes.jsonl in the home. */
export interface TrainerNote {
  readonly at: number;
  readonly pid: number;
  readonly job: string;
  readonly what: 'begun' | 'stopped' | 'failed' | 'done';
  readonly step: number;
  /** Of a training: how many attempts of it had left something in the folder that they share. */
  readonly before?: number;
  /** Of a training: what it was told of online distillation. */
  readonly online?: SoftWeights | null;
  /** Of a training: the AP that its teacher was said to have. */
  readonly teacherAP?: number | null;
}

export async function readNotes(home: string): Promise<TrainerNote[]> {
  const text = await readFile(join(home, 'notes.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as TrainerNote);
}

export const METRICS: CocoMetrics = {
  AP: 0.3,
  AP50: 0.5,
  AP75: 0.3,
  APs: 0.1,
  APm: 0.3,
  APl: 0.4,
  AR1: 0.2,
  AR10: 0.4,
  AR100: 0.4,
  ARs: 0.1,
  ARm: 0.4,
  ARl: 0.5,
};
