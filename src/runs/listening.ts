import { connect } from 'node:net';

const PATIENCE_MS = 5_000;

/** Asks a port whether anybody is there; HOST:PORT. Fails at once with the system's reason, or when nothing is said. */
export const assertListening = (address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const [, host = address, port = '7233'] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
    const socket = connect({ host, port: Number(port), timeout: PATIENCE_MS });
    const end = (outcome: () => void): void => {
      socket.destroy();
      outcome();
    };
    socket.once('connect', () => end(resolve));
    socket.once('error', error => end(() => reject(error)));
    socket.once('timeout', () => end(() => reject(new Error('no answer'))));
  });

export const isListening = (address: string): Promise<boolean> =>
  assertListening(address).then(
    () => true,
    () => false,
  );
