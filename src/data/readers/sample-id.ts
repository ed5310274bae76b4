import { extname, relative, sep } from 'node:path';

/** Folders that hold only images or only labels: they are not part of a sample's id. */
export const IMAGE_FOLDERS: ReadonlySet<string> = new Set(['jpegimages', 'images']);
const LABEL_FOLDERS: ReadonlySet<string> = new Set(['annotations', 'labels', 'xml', 'xmls']);

export const withoutExtension = (file: string): string => file.slice(0, file.length - extname(file).length);

/** The id of a file's sample: JPEGImages/a.jpg and Annotations/a.xml are both `a`; train/a.jpg is `train/a`. */
export function idOf(root: string, file: string): string {
  const parts = withoutExtension(relative(root, file)).split(sep);
  const named = parts.filter((part, index) => {
    const folder = part.toLowerCase();
    return index === parts.length - 1 || !(IMAGE_FOLDERS.has(folder) || LABEL_FOLDERS.has(folder));
  });
  return named.join('/');
}
