/** The memo that Temporal keeps with a run; lists of runs show it without asking the workflow. */
export interface RunMemo {
  /** The hash of the run's configuration, written when the run is started. */
  readonly config: string;
  /** Written by the workflow. */
  readonly paused?: boolean;
}
