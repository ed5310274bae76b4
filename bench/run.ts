/** `npm run bench -- NAME [--json]`: measures; what is fast enough is for people to say, nothing fails by its time. */
import { jsonLine, machine, type Row } from './harness.js';

interface Bench {
  readonly summary: string;
  /** Rows where times are compared with a peer's. */
  readonly run: (
    say: (line: string) => void,
    numbers: readonly number[],
    words: readonly string[],
  ) => Promise<readonly Row[]>;
}

const wanted = (words: readonly string[]): { models: string[]; withCompile: boolean } => ({
  models: words.filter(word => !word.startsWith('--')),
  withCompile: words.includes('--compile'),
});

const BENCHES: Readonly<Record<string, Bench>> = {
  predict: {
    summary: 'D0 on CPUs against PyTorch effdet, onnxruntime on its export, and TensorFlow',
    run: async say => (await import('./predict.js')).benchPredict(say),
  },
  tiny: {
    summary: 'T0, T1 and T2 against D0',
    run: async say => (await import('./predict.js')).benchTiny(say),
  },
  'train-step': {
    summary:
      'a training step against PyTorch effdet, T0–T2 against D0; names of models; --compile: torch.compile, too',
    run: async (say, _, words) => (await import('./train.js')).benchTrainStep(say, wanted(words)),
  },
  record: {
    summary: 'time and size of recording training programs; names of models',
    run: async (say, _, words) => (await import('./train.js')).benchRecord(say, wanted(words)),
  },
  memory: {
    summary: 'peak memory of training against PyTorch effdet, and time to the first step; names of models',
    run: async (say, _, words) => (await import('./train.js')).benchMemory(say, wanted(words)),
  },
  evaluate: {
    summary: 'COCO metrics against pycocotools; numbers: images boxes detections',
    run: async (say, numbers) => (await import('./coco-metrics.js')).benchMetrics(say, numbers),
  },
  store: {
    summary: 'commit and open of a local store against a plain copy; numbers: megabytes files',
    run: async (say, numbers) => (await import('./store.js')).benchStore(say, numbers),
  },
};

const args = process.argv.slice(2);
const isJson = args.includes('--json');
const [name = '', ...words] = args.filter(arg => arg !== '--json');
const bench = BENCHES[name];
if (!bench) {
  console.error(Object.entries(BENCHES).map(([key, { summary }]) => `${key.padEnd(10)} ${summary}`).join('\n')); // prettier-ignore
  process.exitCode = 2;
} else {
  const say = (line: string): void => (isJson ? console.error(line) : console.log(line));
  say(machine());
  const rows = await bench.run(say, words.map(Number), words);
  if (isJson) console.log(jsonLine(name, rows));
}
