/** A trainer process that does one thing of the protocol; which one stands where the job names its model. */
import type { TrainerReply, TrainerRequest } from '../../src/trainer/protocol.js';
import { errors } from '../../src/errors/index.js';

const send = (reply: TrainerReply): Promise<void> => new Promise(done => process.send!(reply, () => done()));
const idle = (): void => void setInterval(() => undefined, 1000);

const DEEDS: Readonly<Record<string, () => void | Promise<void>>> = {
  answer: async () => {
    await send({ type: 'progress', progress: { phase: 'train', step: 1, totalSteps: 2 } });
    await send({ type: 'done', result: { values: new Float32Array([1, 2.5]), pid: process.pid } });
    process.exit(0);
  },
  refuse: async () => {
    await send({ type: 'failed', error: errors.diverged({ step: 3, rollbacks: 3, reason: 'NaN' }).toJSON() });
    process.exit(1);
  },
  crash: () => {
    process.stderr.write(Array.from({ length: 9 }, (_, i) => `line ${i}\n`).join(''), () =>
      process.kill(process.pid, 'SIGSEGV'),
    );
  },
  exit: () => process.exit(3),
  // As a native call that never returns.
  hang: () => {
    for (;;);
  },
  obey: idle,
  deaf: idle,
  live: async () => {
    await send({ type: 'progress', progress: { phase: 'train', step: process.pid, totalSteps: 0 } });
    idle();
  },
};

let deed = '';
process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', () => undefined);
process.on('message', (request: TrainerRequest) => {
  if (request.type === 'start' && request.job.kind === 'predict') {
    deed = request.job.model;
    void DEEDS[deed]?.();
  } else if (deed === 'obey') void obey();
});

async function obey(): Promise<void> {
  await send({ type: 'failed', error: errors.stopped(7).toJSON() });
  process.exit(1);
}
