import { fileURLToPath } from 'node:url';

/** Tests and benchmarks run the TypeScript sources; the installed program runs their compiled twins in dist/. */
export const isSource = (module: string): boolean => module.endsWith('.ts');

const ROOT = new URL(isSource(import.meta.url) ? '..' : '../..', import.meta.url);

/** The path of a file that is not compiled, such as package.json. @param path relative to the package's root */
export const packageFile = (path: string): string => fileURLToPath(new URL(path, ROOT));

/**
 * The compiled twin of a module, for threads and processes, in which Node runs only JavaScript.
 * @param module relative to `base`, with .js
 */
export function compiledModule(module: string, base: string): URL {
  const url = new URL(module, base);
  return isSource(base) ? new URL(`dist/${url.href.slice(ROOT.href.length)}`, ROOT) : url;
}
