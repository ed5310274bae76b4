import { hasCode } from './system-error.js';

/** Whether this machine runs a process with this id, whoever started it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH'); // EPERM: another user's process
  }
}
