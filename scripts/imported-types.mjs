// A result of type-aware linting depends on the types that a file imports, not only on its own text. The compiler's
// record of the last check (tsconfig.json: tsBuildInfoFile) has a signature of what each file exports.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A hash of everything that a file imports, directly or not, by the absolute path of the file. */
export function importedTypes(record) {
  if (!existsSync(record)) return new Map();
  const { fileNames, fileInfos, fileIdsList, referencedMap, options } = JSON.parse(
    readFileSync(record, 'utf8'),
  );
  const signatures = fileInfos.map(info =>
    typeof info === 'string' ? info : info.signature || info.version,
  );
  const imports = new Map(referencedMap.map(([file, list]) => [file, fileIdsList[list - 1]]));
  const hashOf = file => {
    const reached = new Set(imports.get(file));
    for (const next of reached) for (const further of imports.get(next) ?? []) reached.add(further);
    reached.delete(file);
    const lines = [...reached].map(id => `${fileNames[id - 1]} ${signatures[id - 1]}`).sort();
    return createHash('sha256')
      .update(JSON.stringify([options, lines]))
      .digest('hex');
  };
  const ids = fileNames
    .map((_, index) => index + 1)
    .filter(id => /^(?!.*node_modules).*\.ts$/.test(fileNames[id - 1]));
  return new Map(ids.map(id => [resolve(dirname(record), fileNames[id - 1]), hashOf(id)]));
}
