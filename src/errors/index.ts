import { commandLineErrors } from './command-line.js';
import { dataErrors } from './data.js';
import { storeErrors } from './store.js';
import { weightErrors } from './weights.js';
import { trainingErrors } from './training.js';
import { evaluationErrors } from './evaluation.js';
import { exportErrors } from './export.js';
import { runErrors } from './runs.js';
import { servingErrors } from './serving.js';
import { graphErrors } from './graph.js';
import { nativeErrors } from './native.js';

export { AppError, type ErrorFacts, firstFew, messageOf } from './app-error.js';
export type { ProvideAttempt } from './native.js';

/**
 * The catalogue: every error that the product names, one section a file. A message gives the place, the value found and
 * what is allowed. `retryable` is decided in the catalogue: a wrong label must fail at once, a lost connection must not.
 */
export const errors = {
  ...commandLineErrors,
  ...dataErrors,
  ...storeErrors,
  ...weightErrors,
  ...trainingErrors,
  ...evaluationErrors,
  ...exportErrors,
  ...runErrors,
  ...servingErrors,
  ...graphErrors,
  ...nativeErrors,
};
