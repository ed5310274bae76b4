import { messageOf } from '../errors/index.js';

/** The words of pip, Go, Node's fetch and the resolver for a failed connection. */
const NETWORK_WORDS =
  /ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries|name resolution|no such host|dial tcp|fetch failed|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|timed out|i\/o timeout|answered 5\d\d/i;

/** The message of a failed attempt with its cause, and whether the network was the reason. */
export function describeFailure(error: unknown): { message: string; network: boolean } {
  const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : '';
  const message = messageOf(error) + cause;
  return { message, network: NETWORK_WORDS.test(message) };
}
