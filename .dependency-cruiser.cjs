// Imports go one way: words and values <- parts <- the stages' work <- stages <- adapters <- programs.
const WORDS = 'src/(config|errors|formats|files)/|src/(settings|random|boxes|concurrency|package-root)\\.ts';
const PARTS = 'src/(graph|model|detection|inference|losses|data|images|onnx|store|native)/';
const WORK = 'src/(training|export|evaluation|advice)/';
const STAGES = 'src/(stages|trainer)/';
const ADAPTERS = '(activities|workflows|src/runs)/';
const PROGRAMS = '(workers|src/cli|src/serving)/|src/(api|embedded)\\.ts';
/** From the lowest to the highest. */
const LAYERS = [WORDS, PARTS, WORK, STAGES, ADAPTERS, PROGRAMS];

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle has no first file to read.', {}, { circular: true }),
    ...LAYERS.slice(0, -1).map((layer, index) =>
      forbid(
        `layer-${index + 1}-imports-downwards`,
        'A layer never imports a higher one.',
        { path: `^(${layer})` },
        { path: `^(${LAYERS.slice(index + 1).join('|')})` },
      ),
    ),
    forbid(
      'work-apart',
      "The stages' work does not import each other's; stages combine it.",
      { path: '^src/(training|export|evaluation|advice)/' },
      { path: '^src/(training|export|evaluation|advice)/', pathNot: '^src/$1/' },
    ),
    forbid(
      'temporal-in-adapters-only',
      'Nobody below the adapters imports Temporal.',
      { path: `^(${WORDS}|${PARTS}|${WORK}|${STAGES})` },
      { path: '@temporalio' },
    ),
    forbid(
      'workflows-import-pure-code',
      'Workflows run in a sandbox: the table of stages, and types of the rest.',
      { path: '^workflows/' },
      { path: '^(activities|src)/', dependencyTypesNot: ['type-only'], pathNot: '^src/stages/stages\\.ts$' },
    ),
    forbid(
      'table-of-stages-is-pure',
      'Workflows import it: besides types it imports pure functions of the configuration only.',
      { path: '^src/(stages/stages|config/(distillation|pretrained))\\.ts$' },
      { dependencyTypesNot: ['type-only'], pathNot: '^src/config/(distillation|pretrained)\\.ts$' },
    ),
    forbid(
      'one-door-to-the-processes',
      'One file of src/ reaches the workers.',
      { path: '^src/', pathNot: '^src/embedded\\.ts$' },
      { path: '^(activities|workflows|workers)/' },
    ),
    forbid(
      'bench-without-tests',
      'What benchmarks and tests share lies in bench/fixtures.',
      { path: '^bench/' },
      { path: '^test/' },
    ),
    forbid(
      'nothing-imports-bench',
      'Only tests import benchmarks.',
      { path: '^(src|activities|workflows|workers)/' },
      { path: '^bench/' },
    ),
    forbid(
      'tensorflow-in-its-process-only',
      'The native library is loaded by one file, in the TensorFlow process.',
      { pathNot: '^src/graph/tensorflow\\.ts' },
      { path: 'tfjs-node-gpu' },
    ),
    forbid(
      'onnxruntime-in-its-process-only',
      'The native library is loaded by one file, in the TensorFlow process.',
      { pathNot: '^src/inference/onnxruntime\\.ts' },
      { path: 'onnxruntime-node' },
    ),
    forbid(
      'engines-in-their-process-only',
      'Native libraries stay out of the processes of the command line and the workers.',
      { path: '^(src/(cli|stages|runs)|activities|workers)/' },
      {
        path: '^src/inference/([\\w-]*-engine|onnxruntime|onnx-network|detector)\\.ts',
        dependencyTypesNot: ['type-only'],
      },
    ),
    forbid(
      'cli-without-tensorflow',
      '--help starts at once.',
      { path: '^src/cli/' },
      { path: '^src/(graph|model|training)/', dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'serving-without-tensorflow',
      'A crash of the native library must not take the HTTP server along.',
      { path: '^src/serving/', pathNot: '^src/serving/detector-main\\.ts' },
      { path: '^src/(graph/|inference/detector\\.ts)', dependencyTypesNot: ['type-only'] },
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
