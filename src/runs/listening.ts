import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

const CONNECT_TIMEOUT_MS = 5_000;

/** Checks that a server listens at HOST:PORT. Rejects with the system's reason, or when nothing answers in time. */
export const assertListening = (address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const [, host = address, port = '7233'] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
    const socket = connect({ host, port: Number(port), timeout: CONNECT_TIMEOUT_MS });
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

/** Finds a port of the loopback address on which nothing listens. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // A listening TCP socket has no other address.
  probe.close();
  await once(probe, 'close');
  return port;
}
