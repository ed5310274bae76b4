/** Seconds that a phase may say nothing before it counts as hanging: one step does not take long, a large copy may. */
const STALL_SECONDS: Readonly<Record<string, number>> = {
  checkpoint: 1800,
  open: 3600,
  commit: 3600,
  publish: 3600,
};
const ELSE_SECONDS = 600;

export const stallSeconds = (phase: string): number => STALL_SECONDS[phase] ?? ELSE_SECONDS;
