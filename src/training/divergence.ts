/** A loss this many times the median of recent steps counts as diverged. */
const EXPLODED = 1000;
/** The number of recent steps in the median. */
const WINDOW = 100;

/** Tells diverged steps by their values. @returns the reason; null: the step is fine */
export type DivergenceCheck = (values: Readonly<Record<string, number>>) => string | null;

/** Starts without recent steps: after a roll-back a new one is needed. */
export function createDivergenceCheck(): DivergenceCheck {
  const recent: number[] = [];
  return values => {
    const bad = Object.entries(values).find(([, value]) => !Number.isFinite(value));
    if (bad) return `${bad[0]} is ${bad[1]}`;
    const { loss = NaN } = values;
    recent.push(loss);
    if (recent.length > WINDOW) recent.shift();
    const median = recent.toSorted((a, b) => a - b)[Math.floor(recent.length / 2)]!; // never empty
    if (loss <= EXPLODED * median) return null;
    return `loss ${loss.toPrecision(3)} is ${EXPLODED} times the usual ${median.toPrecision(3)}`;
  };
}
