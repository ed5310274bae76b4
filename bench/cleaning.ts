/**
 * Cleaning of many pictures with every rule on: seconds, processor seconds and images/s. The pictures are crops of a folder's
 * own, scaled to 640 × 480 and stored as JPEG; they are removed afterwards. A command of its own does the work, so that making
 * them is not measured. Run: npx tsx bench/cleaning.ts FOLDER [images]
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { mapConcurrently } from '../src/concurrency.js';
import { Data } from '../src/config/run.js';
import { cleanDataset } from '../src/data/cleaning/clean.js';
import { writeVoc } from '../src/data/readers/voc-xml.js';
import { runCommand } from '../src/native/command.js';
import { randomFrom } from '../src/random.js';

const SIZE = { width: 640, height: 480 };
const PICTURES = ['.jpg', '.jpeg', '.png'];

async function makePictures(
  from: string,
  { folder, images }: { folder: string; images: number },
): Promise<void> {
  const files = (await readdir(from)).filter(name => PICTURES.includes(extname(name).toLowerCase())).sort();
  await mapConcurrently(
    Array.from({ length: images }, (_, i) => i),
    async i => {
      const random = randomFrom('bench cleaning', i);
      const picture = sharp(join(from, files[i % files.length]!), { failOn: 'none' });
      const { width, height } = await picture.metadata();
      const part = random.uniform(0.4, 1);
      const crop = { width: Math.ceil(width * part), height: Math.ceil(height * part) };
      const left = random.integer(width - crop.width + 1);
      const top = random.integer(height - crop.height + 1);
      const name = `${String(i).padStart(6, '0')}.jpg`;
      await picture
        .extract({ left, top, ...crop })
        .resize({ ...SIZE, fit: 'fill' })
        .removeAlpha()
        .toColourspace('srgb')
        .jpeg({ quality: 88 })
        .toFile(join(folder, name));
      const boxes = Array.from({ length: 1 + random.integer(8) }, () => {
        const [y, x] = [random.integer(380), random.integer(540)];
        const box = [y, x, y + 20 + random.integer(80), x + 20 + random.integer(80)] as const;
        return { box, label: `class ${random.integer(5)}`, crowd: false, difficult: false };
      });
      await writeFile(
        join(folder, name.replace('.jpg', '.xml')),
        writeVoc({ filename: name, ...SIZE, boxes }),
      );
    },
  );
}

async function measure(train: string, outFolder: string): Promise<void> {
  const started = performance.now();
  const report = await cleanDataset({ data: Data.parse({ train }), outFolder });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage();
  const found = report.rules.filter(rule => rule.found > 0).map(rule => `${rule.id} ${rule.found}`);
  console.log(JSON.stringify({ seconds, processorSeconds: (user + system) / 1e6, found }));
}

async function run([from, images = '10000']: readonly string[]): Promise<void> {
  if (from === undefined) throw new Error('name a folder with pictures');
  const folder = await mkdtemp(join(tmpdir(), 'bench-cleaning-'));
  try {
    const [pictures, out] = [join(folder, 'pictures'), join(folder, 'out')];
    await Promise.all([mkdir(pictures), mkdir(out)]);
    await makePictures(from, { folder: pictures, images: Number(images) });
    const self = fileURLToPath(import.meta.url);
    const printed = await runCommand(process.execPath, [
      ...process.execArgv,
      self,
      '--measure',
      pictures,
      out,
    ]);
    // Printed by `measure`.
    const { seconds, processorSeconds, found } = JSON.parse(printed) as {
      seconds: number;
      processorSeconds: number;
      found: string[];
    };
    console.log(
      `${images} images of ${SIZE.width} × ${SIZE.height}: ${seconds.toFixed(1)} s, ${processorSeconds.toFixed(1)} s of processors, ${(Number(images) / seconds).toFixed(0)} images/s`,
    );
    console.log(found.join(', '));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
if (args[0] === '--measure') await measure(args[1]!, args[2]!);
else await run(args);
