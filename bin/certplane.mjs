#!/usr/bin/env node
// The command line of Certplane. It is built first where that has not been done yet.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  const build = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url));
  // Standard output belongs to the command.
  const { status } = spawnSync(process.execPath, [build], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(4);
}
await import(main);
