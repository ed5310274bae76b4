// Answers as the programs in bench/programs/ do, at once: measurement n takes n milliseconds.
import { createInterface } from 'node:readline';

let ms = 0;
let isOpen = false;
for await (const line of createInterface(process.stdin)) {
  const { unsupported } = JSON.parse(line);
  const answer = isOpen ? { ms: ++ms, peakMiB: 1 } : unsupported ? { unsupported } : { Node: '20' };
  isOpen = true;
  console.log(JSON.stringify(answer));
}
