#!/usr/bin/env node
import { buildWhenNeeded } from './build.mjs';

if (await buildWhenNeeded()) {
  const { main } = await import('../dist/src/cli/main.js');
  await main(process.argv.slice(2));
} else {
  process.exitCode = 1;
}
