import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createNest } from '../src/app.js';
import { ENTITIES } from '../src/entities.js';
import { MasterKey } from '../src/keys/master-key.js';
import { PUBLIC_ENDPOINTS } from '../src/listeners.js';
import { createOpenApiDocument } from '../src/openapi.js';
import { Clock } from '../src/platform/clock/clock.js';
import { ENVIRONMENT, FILE_VARIABLES, readConfig } from '../src/platform/config/env.js';
import { createDataSource } from '../src/platform/database/data-source.js';
import { createLogger } from '../src/platform/logging/logger.js';
import { formatAccessTable, listRoutes } from './access-table.js';
import { describeCommandLine } from './cli-reference.js';

const ROOT = new URL('../../', import.meta.url);

const INTRODUCTION = `# Configuration

<!-- Generated from src/platform/config/env.ts by \`npm run docs\`. -->

Certplane is configured by environment variables alone, and every one has a default that works on one machine. They are
checked when it starts: an unknown name that begins with \`CERTPLANE_\` or a value that does not fit stops the start, with one
message that lists every fault. A variable that is set to nothing counts as unset.

Durations are written \`90s\`, \`15m\`, \`1h\` or \`7d\`; sizes in bytes, or as \`512KiB\` or \`1MiB\`.`;

const FILES = `## Values from files

Secrets need not stand in the environment: each of these names a file whose content, without the white space around it, is
the value. A variable and its file must not both be set.

${FILE_VARIABLES.map((name) => `- \`${name}_FILE\` for [\`${name}\`](#${name.toLowerCase()})`).join('\n')}`;

/** What lies between these marks in docs/access.md is written from the code. */
const TABLE_MARKS = /(<!-- routes -->\n\n)[^]*?(\n\n<!-- \/routes -->)/;

/** The documents that are written from the code, by path. */
async function generate(): Promise<Map<string, string>> {
  const { document, accessTable } = await describeInterface();
  return new Map([
    ['docs/configuration.md', `${describeConfiguration()}\n`],
    ['docs/cli.md', describeCommandLine()],
    ['docs/openapi.json', `${JSON.stringify(document, null, 2)}\n`],
    ['docs/access.md', (findDocument('docs/access.md') ?? '').replace(TABLE_MARKS, `$1${accessTable}$2`)],
  ]);
}

function describeConfiguration(): string {
  const { properties = {} } = z.toJSONSchema(ENVIRONMENT, { io: 'input', unrepresentable: 'any' });
  const variables = Object.entries(properties).map(([name, property]) => {
    const { default: fallback, description = '' } = property as { default?: unknown; description?: string };
    const shown = typeof fallback === 'string' ? `Default: \`${fallback}\`.` : 'No default.';
    return `### \`${name}\`\n\n${shown} ${description}`;
  });
  return [INTRODUCTION, '## Variables', ...variables, FILES].join('\n\n');
}

/** Builds the app to look at it: on a database that is never connected, with its schedules off. */
async function describeInterface(): Promise<{ document: object; accessTable: string }> {
  const nest = await createNest({
    config: readConfig({}),
    dataSource: createDataSource('postgres://localhost/never-connected', ENTITIES),
    masterKey: new MasterKey(Buffer.alloc(32)),
    clock: new Clock(),
    logger: createLogger('silent'),
    schedules: false,
  });
  try {
    const endpoints = PUBLIC_ENDPOINTS.map((endpoint) => nest.get(endpoint));
    return { document: createOpenApiDocument(nest, endpoints), accessTable: formatAccessTable(listRoutes(nest)) };
  } finally {
    await nest.close();
  }
}

function findDocument(path: string): string | null {
  try {
    return readFileSync(new URL(path, ROOT), 'utf8');
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  const checking = process.argv.includes('--check');
  for (const [path, text] of await generate()) {
    if (findDocument(path) === text) continue;
    if (checking) {
      process.stderr.write(`${path} is not what the code says: run \`npm run docs\`.\n`);
      process.exitCode = 1;
    } else {
      writeFileSync(new URL(path, ROOT), text);
      process.stdout.write(`Wrote ${fileURLToPath(new URL(path, ROOT))}\n`);
    }
  }
}

await main();
