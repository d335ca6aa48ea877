/**
 * Holds `fungi serve` to its OpenAPI document: Schemathesis sends what the document allows and what it forbids, and looks whether the
 * replies are those of the document. Once with a key of each scope, since each reaches other work.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FungiSelector } from '../src/selector/selector.ts';
import { generateKey, hashKey } from '../src/server/keys/hash.ts';
import { SCOPES, type Scope } from '../src/server/route.ts';
import { events, FakeUpstream, json, type Step } from '../test/server/chat/fake-upstream.ts';
import { withServers, type ServerProcess } from '../test/server/faults/server-process.ts';
import { inPlace, tinyExamples, type Place } from '../test/selector/support.ts';

const FOLDER = join(import.meta.dirname, 'openapi-check');
/** Schemathesis asks about the first; removing is tried on the second, which the other requests can spare. */
const INDEXES = ['help-desk', 'spare'];

const tool = process.env['SCHEMATHESIS'] ?? 'schemathesis';
if (spawnSync(tool, ['--version']).status !== 0) {
  console.error(`${tool} is not there. Install it (python3 -m venv .venv && .venv/bin/pip install schemathesis), and put it on
the PATH or name it: SCHEMATHESIS=.venv/bin/schemathesis npm run check:openapi`);
  process.exit(2);
}

/** An LLM that answers with a label of the index, whole or in events. */
const answers: Step = (response, received) =>
  (received.body['stream'] === true ? events() : json())(response, received);

const failed = await inPlace(async (place) => {
  for (const name of INDEXES) await buildIndex(place, name);
  const upstream = await FakeUpstream.start(answers);
  try {
    return await checkScopes(place, upstream.baseUrl);
  } finally {
    await upstream.close();
  }
});
if (failed.length > 0) {
  console.error(`the server and its document differ, with keys of scope ${failed.join(', ')}`);
  process.exitCode = 1;
}

async function buildIndex(place: Place, name: string): Promise<void> {
  const features = { losses: [{ name: 'kl' as const }], projection: { kind: 'khatri-rao' as const, width: 16 } };
  const options = { ...place.options(name), examples: tinyExamples(24), features, dims: 8 };
  await (await FungiSelector.build(options)).close();
}

/** @returns those that differ */
async function checkScopes(place: Place, llm: string): Promise<Scope[]> {
  const keys = Object.fromEntries(SCOPES.map((scope) => [scope, generateKey()])) as Record<Scope, string>;
  const apiKeys = SCOPES.map((scope) => `${scope}:${scope}:${hashKey(keys[scope])}`).join(',');
  const options = [
    '--api-keys',
    apiKeys,
    '--llm-base-url',
    llm,
    '--llm-model',
    'm',
    '--llm-api-key',
    'sk-none',
    '--chat-index',
    INDEXES[0]!,
    '--deadline-ms',
    '15000',
  ];
  const differ: Scope[] = [];
  for (const scope of SCOPES) {
    await withServers(place, async (start) => {
      const server = await start({ options });
      if (!(await check(server, keys[scope], scope))) differ.push(scope);
      tellReplies(server.log());
    });
  }
  return differ;
}

/** How far the requests got: a route that refused them all was not tried. And each that failed, with its cause. */
function tellReplies(log: readonly Record<string, unknown>[]): void {
  const counts = new Map<string, Map<number, number>>();
  for (const line of log) {
    const { method, route, status } = line as { method?: string; route?: string; status?: number };
    if (method === undefined || route === undefined || status === undefined || status === 405) continue;
    if (status >= 500) console.error(JSON.stringify(line));
    const name = `${method} ${route}`;
    const own = counts.get(name) ?? new Map<number, number>();
    counts.set(name, own.set(status, (own.get(status) ?? 0) + 1));
  }
  console.log('replies:');
  for (const [name, own] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const replies = [...own].sort(([a], [b]) => a - b).map(([status, count]) => `${status} ×${count}`);
    console.log(`  ${name}: ${replies.join(', ')}`);
  }
}

async function check(server: ServerProcess, key: string, scope: Scope): Promise<boolean> {
  console.log(`\n== with a key of scope ${scope}`);
  const own = await mkdtemp(join(tmpdir(), 'fungi-openapi-'));
  try {
    const config = ['--config-file', join(FOLDER, 'schemathesis.toml')];
    const header = ['--header', `Authorization: Bearer ${key}`];
    const run = ['run', `${server.url}/openapi.json`, ...header, '--no-color', ...process.argv.slice(2)];
    const child = spawn(tool, [...config, ...run], {
      cwd: own,
      stdio: 'inherit',
      env: { ...process.env, PYTHONPATH: FOLDER, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
