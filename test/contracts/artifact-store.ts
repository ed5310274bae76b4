import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/files/hashing.js';
import type { ArtifactStore } from '../../src/store/artifact-store.js';
import type { StoreDriver } from '../../src/store/driver.js';
import { killWhileCommitting } from '../store/kill-while-committing.js';

export interface StoreUnderTest {
  readonly store: ArtifactStore;
  /** The same place without the rules, to do damage. */
  readonly driver: StoreDriver;
  readonly cacheFolder: string;
  /** What another process needs to open the same store. */
  readonly env: Readonly<Record<string, string>>;
}

type Files = Readonly<Record<string, string | Uint8Array>>;

const MIB = 2 ** 20;
const PATTERN = Uint8Array.from({ length: 65_521 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const bytesOf = (size: number): Uint8Array => Buffer.alloc(size, PATTERN);
const SMALL: Files = { 'a.txt': 'first', 'deep/er/b.bin': Uint8Array.of(0, 255, 10), empty: '' };

/** What every artifact store promises, whatever driver is below. */
export function artifactStoreContract(name: string, open: () => StoreUnderTest): void {
  describe(`artifact store: ${name}`, () => {
    let scratch: string;
    let t: StoreUnderTest;
    let count = 0;
    const newKey = (): string => `stages/test-${++count}/0123abc`;

    beforeAll(async () => {
      t = open();
      scratch = await mkdtemp(join(tmpdir(), 'detdistill-store-test-'));
    });
    afterAll(() => rm(scratch, { recursive: true, force: true }));

    async function folderOf(files: Files): Promise<string> {
      const folder = await mkdtemp(join(scratch, 'source-'));
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), content);
      }
      return folder;
    }

    /** Objects of a commit, whose folder has a random name. */
    async function objectOf(key: string, path: string): Promise<string> {
      const objects = await t.driver.list(key);
      return objects.find(object => object.key.endsWith(`/${path}`))!.key;
    }

    it('reads back what it wrote', async () => {
      const key = newKey();
      const ref = await t.store.commit(key, await folderOf(SMALL), { facts: { classes: ['tree'] } });
      expect(ref).toMatchObject({ uri: `${t.store.url}/${key}`, bytes: 8 });
      expect(await readTree(await t.store.open(ref))).toEqual(await readTree(await folderOf(SMALL)));
      const found = await t.store.find(key);
      expect(found?.ref).toEqual(ref);
      expect(found?.manifest.facts).toEqual({ classes: ['tree'] });
      expect(found?.manifest.files.map(({ path }) => path)).toEqual(['a.txt', 'deep/er/b.bin', 'empty']);
    });

    it('names equal content equally, whatever the key and the time', async () => {
      const [one, two] = [newKey(), newKey()];
      const first = await t.store.commit(one, await folderOf(SMALL));
      const second = await t.store.commit(two, await folderOf(SMALL), { facts: { other: true } });
      expect(second.sha256).toBe(first.sha256);
      const third = await t.store.commit(newKey(), await folderOf({ ...SMALL, 'a.txt': 'First' }));
      expect(third.sha256).not.toBe(first.sha256);
    });

    it('keeps file names with blanks, signs and letters of any language', async () => {
      const odd = [
        'a b.txt',
        'Größe+1.png',
        '图片/50%.jpg',
        'quote\'"&<>.txt',
        '001',
        '_manifest.json',
        'a=b;c@d',
      ];
      const files = Object.fromEntries(odd.map(path => [path, path]));
      const ref = await t.store.commit(newKey(), await folderOf(files));
      expect(await readTree(await t.store.open(ref))).toEqual(
        new Map(odd.sort().map(path => [path, sha256(path)])),
      );
    });

    it('keeps a file that is larger than one part', async () => {
      const content = bytesOf(37 * MIB + 5);
      const ref = await t.store.commit(newKey(), await folderOf({ 'large.bin': content }));
      const read = await readFile(join(await t.store.open(ref), 'large.bin'));
      expect(read.equals(content)).toBe(true);
    });

    it('takes a link to a file for the file, and refuses what is no file', async () => {
      const folder = await folderOf({ 'real.txt': 'x' });
      await symlink(join(folder, 'real.txt'), join(folder, 'link.txt'));
      const ref = await t.store.commit(newKey(), folder);
      expect([...(await readTree(await t.store.open(ref))).keys()]).toEqual(['link.txt', 'real.txt']);
      await symlink(scratch, join(folder, 'folder-link'));
      await expect(t.store.commit(newKey(), folder)).rejects.toMatchObject({ code: 'STORE_SOURCE_UNUSABLE' });
      await expect(t.store.commit(newKey(), await folderOf({}))).rejects.toMatchObject({
        code: 'STORE_SOURCE_UNUSABLE',
        retryable: false,
      });
      await expect(t.store.commit(newKey(), join(folder, 'absent'))).rejects.toMatchObject({
        code: 'STORE_SOURCE_UNREADABLE',
      });
    });

    it.each([
      '',
      '/a',
      'a/',
      'a//b',
      '../a',
      'a/../b',
      'a b',
      'ä',
      'a\n',
      '_a',
      '.a',
      'a.json',
      'x'.repeat(501),
    ])('refuses the key %j', async key => {
      const refusal = { code: 'STORE_KEY_INVALID', retryable: false };
      await expect(t.store.commit(key, await folderOf(SMALL))).rejects.toMatchObject(refusal);
      await expect(t.store.find(key)).rejects.toMatchObject(refusal);
      await expect(t.store.remove(key)).rejects.toMatchObject(refusal);
    });

    it('finds nothing under a key that holds nothing', async () => {
      expect(await t.store.find('stages/none/0')).toBeUndefined();
      expect(await t.store.list('stages/none')).toEqual([]);
      const ref = { uri: `${t.store.url}/stages/none/0`, sha256: '0'.repeat(64), bytes: 0 };
      await expect(t.store.open(ref)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING', retryable: false });
      await expect(t.store.open({ ...ref, uri: 'file:///elsewhere/a' })).rejects.toMatchObject({
        code: 'ARTIFACT_ELSEWHERE',
      });
    });

    it('lists keys below a folder, sorted, and removes one without its neighbours', async () => {
      const base = newKey();
      const keys = ['b', 'a', 'a/inner', 'ab'].map(end => `${base}/${end}`);
      for (const key of keys) await t.store.commit(key, await folderOf(SMALL));
      expect(await t.store.list(base)).toEqual([...keys].sort());
      await t.store.remove(`${base}/a`);
      await t.store.remove(`${base}/a`);
      expect(await t.store.list(base)).toEqual(keys.filter(key => key !== `${base}/a`).sort());
      expect(await t.store.find(`${base}/a/inner`)).toBeDefined();
      expect((await t.driver.list(`${base}/a`)).every(({ key }) => key.startsWith(`${base}/a/inner/`))).toBe(
        true,
      );
    });

    it('keeps what is committed when the same content comes again', async () => {
      const key = newKey();
      await t.store.commit(key, await folderOf(SMALL), { facts: { try: 1 } });
      const before = (await t.store.find(key))!.manifest;
      await t.store.commit(key, await folderOf(SMALL), { facts: { try: 2 }, replace: true });
      expect((await t.store.find(key))!.manifest).toEqual(before);
    });

    it('lets the first content of a key stay, unless told to replace it', async () => {
      const key = newKey();
      const first = await t.store.commit(key, await folderOf({ f: 'one' }));
      expect(await t.store.commit(key, await folderOf({ f: 'two' }))).toEqual(first);
      const second = await t.store.commit(key, await folderOf({ f: 'two' }), { replace: true });
      expect(second).not.toEqual(first);
      expect(await t.store.open(second).then(folder => readFile(join(folder, 'f'), 'utf8'))).toBe('two');
      await expect(t.store.open(first)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
      expect(await t.driver.list(key)).toHaveLength(1);
    });

    it('gives all of several writers one whole artifact', async () => {
      const key = newKey();
      const folders = await Promise.all(
        [0, 1, 2, 3].map(i => folderOf({ a: `${i}`, b: `${i}`, c: `${i % 2}` })),
      );
      const refs = await Promise.all(folders.map(folder => t.store.commit(key, folder)));
      expect(new Set(refs.map(({ sha256 }) => sha256)).size).toBe(1);
      const tree = await readTree(await t.store.open(refs[0]!));
      expect(tree.get('a')).toBe(tree.get('b'));
      expect(await t.driver.list(key)).toHaveLength(3);
    });

    it('names the file whose bytes were damaged, and heals when the same content comes again', async () => {
      const key = newKey();
      const ref = await t.store.commit(key, await folderOf(SMALL));
      await t.driver.putBytes(await objectOf(key, 'a.txt'), Buffer.from('FIRST'));
      await rm(t.cacheFolder, { recursive: true, force: true });
      await expect(t.store.open(ref)).rejects.toMatchObject({
        code: 'ARTIFACT_DAMAGED',
        retryable: false,
        facts: {
          file: `${t.store.url}/${key}/a.txt`,
          // printf first | sha256sum
          expected: 'a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e',
          // printf FIRST | sha256sum
          found: '267d3b81a9dcd937f3b46a17a57fc0ca2133373389336861142673a73fc17bc6',
        },
      });
      expect(await t.store.commit(key, await folderOf(SMALL))).toEqual(ref);
      expect(await readTree(await t.store.open(ref))).toEqual(await readTree(await folderOf(SMALL)));
    });

    it('finds no artifact whose object is missing or short, or whose manifest cannot be read', async () => {
      for (const damage of [
        async (key: string) => t.driver.remove([await objectOf(key, 'a.txt')]),
        async (key: string) => t.driver.putBytes(await objectOf(key, 'a.txt'), Buffer.from('firs')),
        async (key: string) => t.driver.putBytes(`_manifests/${key}.json`, Buffer.from('{"key":')),
        async (key: string) => t.driver.remove([`_manifests/${key}.json`]),
      ]) {
        const key = newKey();
        const ref = await t.store.commit(key, await folderOf(SMALL));
        await damage(key);
        expect(await t.store.find(key)).toBeUndefined();
        expect(await t.store.commit(key, await folderOf(SMALL))).toEqual(ref);
        expect(await t.store.find(key)).toBeDefined();
      }
    });

    it('takes no path out of a manifest that leads out of the artifact', async () => {
      const key = newKey();
      await t.store.commit(key, await folderOf(SMALL));
      const { manifest } = (await t.store.find(key))!;
      const evil = { ...manifest, files: [{ ...manifest.files[0]!, path: '../../evil' }] };
      await t.driver.putBytes(`_manifests/${key}.json`, Buffer.from(JSON.stringify(evil)));
      expect(await t.store.find(key)).toBeUndefined();
    });

    it('leaves nothing behind when a commit is aborted', async () => {
      const key = newKey();
      const reason = new Error('cancelled');
      const abort = new AbortController();
      abort.abort(reason);
      await expect(t.store.commit(key, await folderOf(SMALL), { signal: abort.signal })).rejects.toBe(reason);
      expect(await t.store.find(key)).toBeUndefined();
      expect(await t.driver.list(key)).toEqual([]);
    });

    it('shows nothing of a commit whose process was killed, and sweeps what it left', async () => {
      const key = newKey();
      const content = bytesOf(MIB);
      const folder = await folderOf(
        Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.bin`, content])),
      );
      await killWhileCommitting({
        key,
        folder,
        env: t.env,
        isHalfway: async () => (await t.driver.list(key)).length > 2,
      });
      expect((await t.driver.list(key)).length).toBeLessThan(60);
      expect(await t.store.find(key)).toBeUndefined();
      expect(await t.store.list(dirname(key))).toEqual([]);
      const ref = await t.store.commit(key, folder);
      expect(await t.store.sweep(Date.now() - 3_600_000)).toBe(0);
      expect(await t.store.sweep(Date.now() + 60_000)).toBeGreaterThan(2);
      expect(await readTree(await t.store.open(ref))).toEqual(await readTree(folder));
      expect(await t.driver.list(key)).toHaveLength(60);
    });
  });
}

/** Relative path → hash of the content. */
export async function readTree(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name));
  const pairs = paths.map(async path => [relative(folder, path), sha256(await readFile(path))] as const);
  return new Map((await Promise.all(pairs)).sort(([a], [b]) => (a < b ? -1 : 1)));
}
