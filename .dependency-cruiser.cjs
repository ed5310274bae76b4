// Imports go one way: words <- parts <- stages <- adapters <- programs.
const WORDS =
  'src/(pipeline|errors|settings|random|boxes|hashing|compiled|concurrency|pace)\\.ts|src/config/';
const PARTS = 'src/(graph|model|detection|data|losses|store|native)/';
const STAGES = 'src/(training|export|evaluation|advice)/';
const ADAPTERS = '(activities|workflows|src/runs)/';
const PROGRAMS = '(workers|src/cli|src/dashboard|src/serving)/';

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle has no first file to read.', {}, { circular: true }),
    forbid(
      'words-import-words',
      'Words and values know nothing of the rest.',
      { path: `^(${WORDS})` },
      { path: `^(${PARTS}|${STAGES}|${ADAPTERS}|${PROGRAMS})` },
    ),
    forbid(
      'parts-below-stages',
      'Parts know nothing of stages.',
      { path: `^${PARTS}` },
      { path: `^(${STAGES}|${ADAPTERS}|${PROGRAMS})` },
    ),
    forbid(
      'stages-below-adapters',
      'Stages know nothing of Temporal.',
      { path: `^${STAGES}` },
      { path: `^(${ADAPTERS}|${PROGRAMS})` },
    ),
    forbid(
      'stages-apart',
      'Stages do not import each other; activities combine them.',
      { path: '^src/(training|export|evaluation|advice)/' },
      { path: '^src/(training|export|evaluation|advice)/', pathNot: '^src/$1/' },
    ),
    forbid(
      'adapters-below-programs',
      'Adapters know nothing of programs.',
      { path: `^${ADAPTERS}` },
      { path: `^${PROGRAMS}` },
    ),
    forbid(
      'domain-without-temporal',
      'Domain code never imports Temporal.',
      { path: `^(${WORDS}|${PARTS}|${STAGES})` },
      { path: '@temporalio' },
    ),
    forbid(
      'workflows-types-only',
      'Workflows run in a sandbox: types only from the rest.',
      { path: '^workflows/' },
      { path: '^(activities|src)/', dependencyTypesNot: ['type-only'], pathNot: '^src/pipeline\\.ts$' },
    ),
    forbid(
      'tensorflow-in-the-trainer-only',
      'The native library lives only in the trainer process.',
      { pathNot: '^(src/graph/(tensorflow|execution)\\.ts)' },
      { path: 'tfjs-node-gpu' },
    ),
    forbid(
      'onnxruntime-in-the-trainer-only',
      'Native libraries live only in the trainer process.',
      { pathNot: '^src/detection/(onnxruntime|onnx-engine)\\.ts' },
      { path: 'onnxruntime-node' },
    ),
    forbid(
      'cli-without-engines',
      'Native libraries live only in the trainer process.',
      { path: '^(src/(cli|dashboard)|activities)/' },
      {
        path: '^src/detection/([\\w-]*-engine|onnxruntime|onnx-network|detector)\\.ts',
        dependencyTypesNot: ['type-only'],
      },
    ),
    forbid(
      'cli-without-tensorflow',
      '--help starts at once.',
      { path: '^src/(cli|dashboard)/' },
      { path: '^src/(graph|model|training)/', dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'serving-without-tensorflow',
      'A crash of the native library must not take the HTTP server along.',
      { path: '^src/serving/' },
      { path: '^src/(graph/|detection/detector\\.ts)', dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'serving-without-model',
      'An export that serves without the model code is complete.',
      { path: '^src/serving/' },
      { path: '^src/model/' },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
