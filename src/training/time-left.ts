export interface Done {
  readonly steps: number;
  /** Of all of them, with the teacher's answers. */
  readonly seconds: number;
  /** The steps in which a teacher was asked, and how long it took to answer. */
  readonly asked: { readonly steps: number; readonly seconds: number };
}

interface Left {
  readonly steps: number;
  /** Of them, those in which a teacher will be asked. */
  readonly toAsk: number;
}

/** Seconds that the rest takes at the pace so far: a teacher that is asked once a view slows the first epochs only. */
export function secondsLeft(done: Done, left: Left): number {
  const ofStep = (done.seconds - done.asked.seconds) / done.steps;
  const ofTeacher = done.asked.steps === 0 ? 0 : done.asked.seconds / done.asked.steps;
  return ofStep * left.steps + ofTeacher * left.toAsk;
}
