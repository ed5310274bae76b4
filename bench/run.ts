/** `npm run bench -- NAME [--json]`: measures; what is fast enough is for people to say, nothing fails by its time. */
import { main } from './command-line.js';

await main(process.argv.slice(2));
