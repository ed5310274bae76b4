import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cutTiles } from '../../src/cli/demo-data.js';
import { provideNativeParts } from '../../src/native/setup.js';
import { readSettings } from '../../src/settings.js';

const PARTS = [
  { usage: 'TRAIN', image: '2019_YELL_2_528000_4978000_image_crop2', count: 12 },
  { usage: 'EVAL', image: '2019_YELL_2_541000_4977000_image_crop', count: 6 },
] as const;
const TILE = { tilePx: 256, stridePx: 256 };

/** A version of a data set as ModelArts publishes it: V001.manifest, img/, xml/. Tiles of the demo's images with most trees. */
export async function writeTrees(folder: string): Promise<void> {
  const { 'demo-images': images } = await provideNativeParts({
    settings: readSettings(),
    parts: ['demo-images'],
  });
  for (const name of ['img', 'xml']) await mkdir(join(folder, name), { recursive: true });
  const lines: string[] = [];
  for (const { usage, image: name, count } of PARTS) {
    const tiles = `${folder}.${usage}`;
    const [image, annotation] = ['png', 'xml'].map(extension => join(images, `${name}.${extension}`));
    await cutTiles({ image: image!, annotation: annotation!, outFolder: tiles, ...TILE });
    for (const [i, tile] of (await fullest(tiles, count)).entries()) {
      const tileName = `${usage.toLowerCase()}-${String(i + 1).padStart(2, '0')}`;
      await copyFile(join(tiles, `${tile}.png`), join(folder, 'img', `${tileName}.png`));
      await copyFile(join(tiles, `${tile}.xml`), join(folder, 'xml', `${tileName}.xml`));
      const label = { type: 'modelarts/object_detection', 'annotation-loc': `xml/${tileName}.xml` };
      lines.push(JSON.stringify({ source: `img/${tileName}.png`, usage, annotation: [label] }));
    }
  }
  await writeFile(join(folder, 'V001.manifest'), `${lines.join('\n')}\n`);
}

async function fullest(tiles: string, count: number): Promise<string[]> {
  const names = (await readdir(tiles)).filter(name => name.endsWith('.xml')).map(name => name.slice(0, -4));
  const trees = await Promise.all(
    names.map(async name => (await readFile(join(tiles, `${name}.xml`), 'utf8')).split('<object>').length),
  );
  return names
    .map((name, i) => ({ name, trees: trees[i]! }))
    .sort((a, b) => b.trees - a.trees || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}
