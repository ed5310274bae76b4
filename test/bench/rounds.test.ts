import { expect, it } from 'vitest';
import type { Candidate } from '../../bench/candidate.js';
import { pairOf, timeRounds } from '../../bench/rounds.js';

const candidate = (name: string, open = {}): Candidate => ({
  name,
  program: { module: new URL('./measured-program.mjs', import.meta.url).href },
  open,
});

async function measure(...candidates: Candidate[]) {
  const [said, steps] = [[] as string[], [] as string[]];
  const report = {
    say: (line: string) => void said.push(line),
    progress: (line: string, isStep = true) => void (isStep && steps.push(line)),
    end: () => undefined,
  };
  const limits = { warmUp: 2, rounds: 3, seconds: 60 };
  const outcome = await timeRounds(candidates, { report, ...limits });
  return { ...outcome, said, steps };
}

it('measures the candidates in turn after a warm-up', async () => {
  const { rounds } = await measure(candidate('ours'), candidate('theirs'));
  expect(pairOf(rounds, 'ours', 'theirs')).toEqual({ ours: [3, 4, 5], peer: 'theirs', theirs: [3, 4, 5] });
});

it('shows who warms up, without a terminal, too', async () => {
  const { steps } = await measure(candidate('ours'), candidate('theirs'));
  for (const name of ['ours', 'theirs'])
    expect(steps.filter(line => line.startsWith('warm-up') && line.endsWith(name))).toHaveLength(2);
});

it('skips a candidate whose library cannot run it, with the reason', async () => {
  const unsupported = candidate('effdet', { unsupported: 'no such instructions' });
  const { rounds, skipped, said } = await measure(candidate('ours'), candidate('theirs'), unsupported);
  expect([...rounds.keys()]).toEqual(['ours', 'theirs']);
  expect(skipped).toEqual([{ name: 'effdet', reason: 'no such instructions' }]);
  expect(said).toContain('effdet is skipped: no such instructions');
});

it('measures nothing where only one candidate of a comparison can run', async () => {
  const unsupported = candidate('effdet', { unsupported: 'no such instructions' });
  expect((await measure(candidate('ours'), unsupported)).rounds.size).toBe(0);
});
