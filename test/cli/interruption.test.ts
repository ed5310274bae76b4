import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Interruption, watchInterruption } from '../../src/cli/interruption.js';

let interruption: Interruption;
let firsts = 0;
const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  firsts = 0;
  exit.mockClear();
  interruption = watchInterruption(() => firsts++);
});
afterEach(() => {
  interruption.release();
  process.exitCode = undefined;
  vi.useRealTimers();
});

describe('watchInterruption', () => {
  it('asks for an orderly end first', () => {
    process.emit('SIGINT', 'SIGINT');
    expect([firsts, interruption.signal.aborted, process.exitCode]).toEqual([1, true, 130]);
    expect(exit).not.toHaveBeenCalled();
  });

  it('takes two signals of one press for one', () => {
    process.emit('SIGINT', 'SIGINT');
    vi.setSystemTime(100);
    process.emit('SIGINT', 'SIGINT');
    expect(firsts).toBe(1);
    expect(exit).not.toHaveBeenCalled();
  });

  it('ends at once at the second press', () => {
    process.emit('SIGINT', 'SIGINT');
    vi.setSystemTime(1000);
    process.emit('SIGINT', 'SIGINT');
    expect(exit).toHaveBeenCalledTimes(1);
  });

  it('listens no longer once it is released', () => {
    interruption.release();
    expect(process.listenerCount('SIGINT')).toBe(0);
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });

  it('ends in order when the process is asked to end', () => {
    process.emit('SIGTERM', 'SIGTERM');
    expect([firsts, process.exitCode]).toEqual([1, 143]);
  });
});
