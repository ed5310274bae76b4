/**
 * The compiled twin of a module, for threads and processes: Node runs only JavaScript there. Inside the build this is
 * the module itself; from the sources (tests) it is the one in dist/.
 * @param module relative to `base`, with .js
 */
export function compiledModule(module: string, base: string): URL {
  const url = new URL(module, base);
  if (!base.endsWith('.ts')) return url;
  const root = new URL('..', import.meta.url).href;
  return new URL(`dist/${url.href.slice(root.length)}`, root);
}

/** A file of the package that is not compiled. @param path relative to the package's root */
export const packageFile = (path: string): URL =>
  new URL(`${import.meta.url.endsWith('.ts') ? '..' : '../..'}/${path}`, import.meta.url);
