import { describe, expect, it } from 'vitest';
import { renderPart } from '../../../src/cli/progress/parts.js';

describe('renderPart', () => {
  it.each([
    [
      { phase: 'download', bytes: 68_457_489, totalBytes: 273_829_956 },
      'downloading ██████░░░░░░░░░░░░░░░░░░ 68 MB of 274 MB',
    ],
    [{ phase: 'download', bytes: 4_200_000, totalBytes: null }, 'downloading 4.2 MB'],
    [{ phase: 'compile', bytes: 0, totalBytes: null }, 'compiling …'],
  ] as const)('shows %o', (progress, text) => {
    expect(renderPart({ part: 'libtensorflow', ...progress })).toBe(`libtensorflow: ${text}`);
  });
});
