import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { reportFailure } from '../../src/cli/failure.js';
import { AppError, errors } from '../../src/errors/index.js';

function report(error: unknown, json: boolean): { status: number; text: string } {
  let text = '';
  const stderr = { write: (chunk: string) => Boolean((text += chunk)) } as NodeJS.WriteStream; // only written to
  return { status: reportFailure(error, { json, stderr, colours: pc.createColors(false) }), text };
}

describe('reportFailure', () => {
  it('writes code, message and hint, and ends with 1', () => {
    expect(report(errors.serverUnreachable('127.0.0.1:7233', new Error('refused')), false)).toEqual({
      status: 1,
      text: 'error SERVER_UNREACHABLE: 127.0.0.1:7233: no Temporal server responds\n  hint: start one with detdistill dev, or set TEMPORAL_ADDRESS\n',
    });
  });

  it('names the stage of a run that failed', () => {
    const facts = errors.diverged({ step: 12, rollbacks: 3, reason: 'loss is NaN' }).toJSON();
    const failed = AppError.from({ ...facts, facts: { ...facts.facts, stage: 'train-student' } });
    expect(report(failed, false).text).toMatch(/^error TRAINING_DIVERGED in train-student: step 12/);
    expect(JSON.parse(report(failed, true).text)).toMatchObject({
      error: { facts: { stage: 'train-student' } },
    });
  });

  it.each([
    errors.usageWrong('what', 'how'),
    errors.configInvalid('run.yaml', ['x']),
    errors.configMissing('x'),
  ])('ends with 2 when a person has to write something else: $code', error =>
    expect(report(error, false).status).toBe(2),
  );

  it('writes one line of JSON for programs', () => {
    const { text } = report(errors.datasetMissing('/data'), true);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'DATA_MISSING', facts: { path: '/data' } } });
    expect(text.endsWith('}\n')).toBe(true);
  });

  it('shows where a failure without a name came from', () => {
    const { text, status } = report(new TypeError('x is undefined'), false);
    expect(text).toMatch(/^error UNEXPECTED: x is undefined\n {4}at .*failure\.test\.ts/);
    expect(status).toBe(1);
  });
});
