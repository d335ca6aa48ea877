/** `fungi serve` and `fungi keys`: what they print and refuse in this process, and a server as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FungiSelector } from '../../src/selector/selector.js';
import { SETTING_NAMES } from '../../src/server/configuration/settings.js';
import { hashKey } from '../../src/server/keys/hash.js';
import { guarded } from '../network/attempts.js';
import { makePlace, tinyExamples, type Place } from '../selector/support.js';
import { Workspace } from './support.js';

const SHA = 'ab'.repeat(32);

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

describe('fungi serve --print-config', () => {
  it('prints every setting as a file would have it, secrets masked', async () => {
    const env = { FUNGI_API_KEYS: `team:read:${SHA}`, FUNGI_LLM_API_KEY: 'canary-key', FUNGI_MAX_WAIT_MS: '77' };
    const { code, stdout, stderr } = await workspace.fungi(['serve', '--print-config', '--port', '9000'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const shown = parse(stdout) as Record<string, unknown>;
    expect(Object.keys(shown)).toEqual(SETTING_NAMES);
    expect(shown).toMatchObject({ port: 9000, maxWaitMs: 77, llmApiKey: '***' });
    expect(shown['apiKeys']).toEqual([{ name: 'team', scope: 'read', sha256: '***' }]);
    expect(stdout).not.toMatch(new RegExp(`canary|${SHA}`));
  });

  it('prints the same as JSON', async () => {
    const argv = ['serve', '--print-config', '--port', '9000'];
    const [forPeople, json] = [await workspace.fungi(argv), await workspace.fungi([...argv, '--json'])];
    expect(json.json()).toEqual(parse(forPeople.stdout));
  });

  it('takes the folder of indexes from before the command too, the nearer one winning', async () => {
    const before = await workspace.fungi(['serve', '--print-config', '--json']); // support puts --indexes there
    expect(before.json()).toMatchObject({ indexes: workspace.path('indexes') });
    const behind = await workspace.fungi(['serve', '--print-config', '--json', '--indexes', './elsewhere']);
    expect(behind.json()).toMatchObject({ indexes: './elsewhere' });
  });
});

describe('fungi serve refuses', () => {
  it.each([
    ['an unknown option', ['--prot', '9000'], {}, /INVALID_ARGUMENT.*--prot/],
    ['an unknown variable', [], { FUNGI_PROT: '9000' }, /INVALID_ARGUMENT.*FUNGI_PROT is no setting/],
    ['a port out of range', ['--port', '70000'], {}, /INVALID_ARGUMENT.*--port: .*65535/],
    ['other machines without a key', ['--host', '0.0.0.0', '--port', '0'], {}, /0\.0\.0\.0 can be reached.*no API key/],
    [
      'a key whose digest is none',
      ['--port', '0'],
      { FUNGI_API_KEYS: 'team:read:0f' },
      /INVALID_ARGUMENT.*(sha256|digest)/,
    ],
  ])('%s with exit code 2', async (_, argv, env, message) => {
    const { code, stderr } = await workspace.fungi(['serve', ...argv], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^hint: /m);
  });

  it('a file that is not there, with exit code 3', async () => {
    const { code, stderr } = await workspace.fungi(['serve', '--config', '@none.yaml']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/FILE_NOT_FOUND.*none\.yaml/);
  });
});

describe('fungi keys create', () => {
  it('gives a key once, and its digest for the configuration', async () => {
    const { json } = await workspace.fungi(['keys', 'create', 'team', '--scope', 'write', '--json']);
    const made = json() as { key: string; name: string; scope: string; sha256: string };
    expect(made).toMatchObject({ name: 'team', scope: 'write', sha256: hashKey(made.key) });
  });

  it('prints a variable that lets it in', async () => {
    const { stdout } = await workspace.fungi(['keys', 'create', 'team']);
    const [, value] = /FUNGI_API_KEYS=(\S+)/.exec(stdout)!;
    const env = { FUNGI_API_KEYS: value! };
    const { json } = await workspace.fungi(['serve', '--print-config', '--json'], { env });
    expect(json()).toMatchObject({ apiKeys: [{ name: 'team', scope: 'read' }] });
  });
});

describe('the process', () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace();
    const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(30) });
    await selector.close();
  });
  afterAll(() => rm(place.folder, { recursive: true, force: true }));

  it('serves an index, and ends in good order at SIGTERM', { timeout: 180_000 }, async () => {
    const { encoder, indexes, sources } = place.options('bank');
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const tsx = import.meta.resolve('tsx');
    const argv = ['serve', '--port', '0', '--indexes', indexes!, '--preload', 'bank', '--encoders', `tiny=${encoder}`];
    const env = {
      PATH: process.env['PATH'],
      ...guarded(),
      FUNGI_CACHE: sources!.cacheDir,
      FUNGI_OFFLINE: '1',
    };
    const secret = ['--llm-api-key', 'canary-key'];
    const child = spawn(process.execPath, ['--import', tsx, main, ...argv, ...secret], { env, cwd: place.folder });
    try {
      const errors = text(child.stderr);
      const exit = once(child, 'exit');
      const lines: Record<string, unknown>[] = [];
      let isHeard: (url: string) => void;
      let listening = '';
      const heard = new Promise<string>((resolve) => (isHeard = resolve));
      createInterface(child.stdout).on('line', (line) => {
        const entry = JSON.parse(line) as Record<string, unknown>;
        lines.push(entry);
        if (entry['msg'] === 'listening') listening = entry['url'] as string;
        if (entry['msg'] === 'preloaded') isHeard(listening);
      });
      const url = await Promise.race([
        heard,
        exit.then(async () => {
          throw new Error(`it ended: ${await errors}`);
        }),
      ]);

      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      const reply = await fetch(`${url}/v1/indexes/bank/retrieve`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'the dog sat', k: 3 }),
      });
      expect(reply.status).toBe(200);
      expect(await reply.json()).toMatchObject({ index: 'bank', examples: [{ rank: 1 }, { rank: 2 }, { rank: 3 }] });

      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
      expect(await errors).toBe('');
      const [starting, warning, ...others] = lines;
      expect(warning).toMatchObject({ level: 40, option: '--llm-api-key' });
      expect([starting, ...others].map((line) => line?.['msg'])).toEqual([
        'starting',
        'listening',
        'preloaded',
        'request',
        'request',
        'stopping',
        'stopped',
      ]);
      // The log is fit to be shown around.
      expect(JSON.stringify(lines)).not.toMatch(/canary|the dog sat/);
      await expect(fetch(`${url}/livez`)).rejects.toThrow();
    } finally {
      child.kill('SIGKILL');
    }
  });
});
