import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isRunning } from '../files/process.js';
import type { Settings } from '../settings.js';

const ServerNote = z.object({
  address: z.string(),
  ui: z.string(),
  /** `pid` is the server's process, `owner` the one that started it and stops it. */
  pid: z.int().positive(),
  owner: z.int().positive(),
});
/** server.json: tells other processes of this machine about the embedded server of a home. */
export type ServerNote = Readonly<z.infer<typeof ServerNote>>;

const noteOf = ({ home }: Settings): string => join(home, 'server.json');

export const writeServerNote = (settings: Settings, note: ServerNote): Promise<void> =>
  writeFile(noteOf(settings), `${JSON.stringify(note)}\n`);

export const removeServerNote = (settings: Settings): Promise<void> => rm(noteOf(settings), { force: true });

/** Reads the note; undefined: no server of this home runs. */
export async function readServerNote(settings: Settings): Promise<ServerNote | undefined> {
  try {
    const note = ServerNote.parse(JSON.parse(await readFile(noteOf(settings), 'utf8')));
    return isRunning(note.pid) ? note : undefined;
  } catch {
    return undefined; // there is none, or it is damaged
  }
}
