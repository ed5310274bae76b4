/** The values of `pretrained` that are no place: published weights of a whole detector or of a backbone, and random weights. */
export const PRETRAINED_NAMES: readonly string[] = ['coco', 'imagenet', 'none'];

/** The run that `run:NAME` names as the source of initial weights; null: it is no such text. */
export const runOf = (pretrained: string): string | null => /^run:(.+)$/.exec(pretrained)?.[1] ?? null;

/** Whether initial weights are files of this machine, those of a run included; otherwise they are a name or an address. */
export const isLocalWeights = (pretrained: string): boolean =>
  !PRETRAINED_NAMES.includes(pretrained) && !pretrained.includes('://');
