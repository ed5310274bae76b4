/** Seconds without progress after which a phase counts as hanging: one step is short, a large copy may take long. */
const STALL_SECONDS: Readonly<Record<string, number>> = {
  checkpoint: 1800,
  open: 3600,
  commit: 3600,
  publish: 3600,
};
const DEFAULT_STALL_SECONDS = 600;

export const stallSeconds = (phase: string): number => STALL_SECONDS[phase] ?? DEFAULT_STALL_SECONDS;
