import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { stageKey } from '../../src/store/stage-key.js';

const PARTS = { stage: 'clean', implVersion: 1, config: { b: [1, 2], a: null }, inputs: { files: 'f00' } };

describe('stage key', () => {
  it('is the hash of the parts as JSON with sorted keys', () => {
    const json = '{"config":{"a":null,"b":[1,2]},"implVersion":1,"inputs":{"files":"f00"},"stage":"clean"}';
    expect(stageKey(PARTS)).toBe(createHash('sha256').update(json).digest('hex'));
  });

  it('does not depend on the order in which things are named, nor on what is undefined', () => {
    const { inputs, config, implVersion, stage } = PARTS;
    const other = { inputs, config: { a: config.a, c: undefined, b: config.b }, implVersion, stage };
    expect(stageKey(other)).toBe(stageKey(PARTS));
  });

  it.each([
    { ...PARTS, stage: 'train' },
    { ...PARTS, implVersion: 2 },
    { ...PARTS, config: { b: [2, 1], a: null } },
    { ...PARTS, config: { b: [1, 2] } },
    { ...PARTS, inputs: { files: 'f01' } },
  ])('changes with each part: %j', parts => {
    expect(stageKey(parts)).not.toBe(stageKey(PARTS));
  });
});
