/** A loss this many times the usual one is as bad as one that is not finite. */
const EXPLODED = 1000;
/** Steps that say what is usual. */
const WINDOW = 100;

/** Tells a step that has to be undone from the values that it gave. */
export interface DivergenceWatch {
  /** What is wrong with a step; null: nothing. */
  problemOf(values: Readonly<Record<string, number>>): string | null;
  /** Forgets what was usual: after a roll-back. */
  reset(): void;
}

export function watchDivergence(): DivergenceWatch {
  const recent: number[] = [];
  const usual = (): number => [...recent].sort((a, b) => a - b)[Math.floor(recent.length / 2)]!;
  return {
    problemOf: values => {
      const bad = Object.entries(values).find(([, value]) => !Number.isFinite(value));
      if (bad) return `${bad[0]} is ${bad[1]}`;
      const loss = values.loss!;
      recent.push(loss);
      if (recent.length > WINDOW) recent.shift();
      const median = usual();
      if (loss <= EXPLODED * median) return null;
      return `loss ${loss.toPrecision(3)} is ${EXPLODED} times the usual ${median.toPrecision(3)}`;
    },
    reset: () => {
      recent.length = 0;
    },
  };
}
