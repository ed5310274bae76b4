/** `npm run bench -- NAME [--json]` measures. No benchmark fails for its time: people judge what is fast enough. */
import { main } from './command-line.js';

await main(process.argv.slice(2));
