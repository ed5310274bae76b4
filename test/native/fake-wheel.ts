import { crc32 } from 'node:zlib';
import { sha256 } from '../../src/files/hashing.js';
import type { WheelRow } from '../../src/native/wheels.js';

interface Member {
  readonly name: string;
  readonly content: string;
  readonly mode?: number;
}

/** A zip file whose members are stored as they are (APPNOTE.TXT 4.3). */
function zip(members: readonly Member[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = 0o644 } of members) {
    const [path, data] = [Buffer.from(name), Buffer.from(content)];
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt32LE(crc32(data), 10);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(path.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((0o100000 | mode) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), shared, rest, path);
    const body = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, path, data]);
    bodies.push(body);
    offset += body.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, index, end]);
}

const METADATA = 'Metadata-Version: 2.1\nName: detdistill-part\nVersion: 1.0\n';

export const PROGRAM = '#!/bin/sh\necho made\n';
export const LIBRARY = 'a library';

/** A wheel of one program, one library and something that nobody needs. */
export const FAKE_WHEEL = zip([
  { name: 'part/bin/program', content: PROGRAM, mode: 0o755 },
  { name: 'part/library.so', content: LIBRARY },
  { name: 'rest/unwanted.py', content: 'pass' },
  { name: 'detdistill_part-1.0.dist-info/METADATA', content: METADATA },
  {
    name: 'detdistill_part-1.0.dist-info/WHEEL',
    content: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  },
  { name: 'detdistill_part-1.0.dist-info/RECORD', content: '' },
]);

export const FAKE_FILE = 'detdistill_part-1.0-py3-none-any.whl';

export const FAKE_ROW: WheelRow = {
  part: 'a part',
  builds: { any: { file: FAKE_FILE, sha256: sha256(FAKE_WHEEL), bytes: FAKE_WHEEL.length } },
  members: ['part/'],
  path: 'part',
  byHand: 'set DETDISTILL_PART to its folder',
};
