import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateClient } from './client-generator/client-text.js';
import type { OpenApiDocument } from './client-generator/openapi.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = 'clients/typescript/src/';

/** The generated modules of the TypeScript client, by path. */
function generate(): Map<string, string> {
  const document = JSON.parse(readFileSync(`${ROOT}docs/openapi.json`, 'utf8')) as OpenApiDocument;
  const { schemas, operations } = generateClient(document);
  return new Map([
    [`${SOURCES}schemas.ts`, format(schemas)],
    [`${SOURCES}operations.ts`, format(operations)],
  ]);
}

/** In a process of its own: the formatter is a tool, and nothing that Certplane is made of imports it. */
function format(text: string): string {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    ['node_modules/prettier/bin/prettier.cjs', '--stdin-filepath', `${SOURCES}generated.ts`],
    { cwd: ROOT, input: text, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`prettier refused what was generated: ${error?.message ?? stderr}`);
  return stdout;
}

function findSource(path: string): string | null {
  try {
    return readFileSync(ROOT + path, 'utf8');
  } catch {
    return null;
  }
}

const checking = process.argv.includes('--check');
for (const [path, text] of generate()) {
  if (findSource(path) === text) continue;
  if (checking) {
    process.stderr.write(`${path} is not what docs/openapi.json says: run \`npm run docs\`.\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(ROOT + path, text);
    process.stdout.write(`Wrote ${ROOT}${path}\n`);
  }
}
