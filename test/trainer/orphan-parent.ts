/** Runs a trainer that never ends, and says its process id. */
import { runTrainer } from '../../src/trainer/process.js';
import { readSettings } from '../../src/settings.js';

void runTrainer(
  { kind: 'predict', model: 'live', images: [], minScore: 0 },
  {
    settings: readSettings({ DETDISTILL_HOME: process.argv[2]! }),
    signal: new AbortController().signal,
    onProgress: ({ step: pid }) => process.send!(pid),
    trainer: {
      program: new URL('protocol-trainer.ts', import.meta.url),
      limits: { stallSeconds: () => 60, pollIntervalMs: 1_000, stopGraceMs: 1_000 },
    },
  },
);
