import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  exposedSecrets,
  readSettings,
  shownSettings,
  type SettingSources,
} from '../../../src/server/configuration/read-settings.js';
import { optionOf, SETTING_NAMES, variableOf } from '../../../src/server/configuration/settings.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-settings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(folder, 'fungi.yaml');
  await writeFile(path, text);
  return path;
}

const SHA = 'ab'.repeat(32);

describe('settings', () => {
  it('have a name each for the file, the environment and the command line', () => {
    expect([variableOf('maxWaitMs'), optionOf('maxWaitMs')]).toEqual(['FUNGI_MAX_WAIT_MS', 'max-wait-ms']);
    expect(new Set(SETTING_NAMES.map(variableOf)).size).toBe(SETTING_NAMES.length);
  });

  it('are taken from the option, else the environment, else the file, else the default', async () => {
    const file = await fileOf('port: 1\nprocesses: 2\nthreads: 3\n');
    const environment = { FUNGI_PORT: '11', FUNGI_PROCESSES: '12', HOME: '/', FUNGI_CACHE: '/c' };
    const settings = await readSettings({ file, environment, options: { port: '21' } });
    expect(settings).toMatchObject({ port: 21, processes: 12, threads: 3, host: '127.0.0.1' });
  });

  it('read lists and keys from text', async () => {
    const environment = { FUNGI_PRELOAD: 'a, b', FUNGI_API_KEYS: `team:read:${SHA},ops:admin:${SHA}` };
    const { preload, apiKeys } = await readSettings({ environment });
    expect(preload).toEqual(['a', 'b']);
    expect(apiKeys).toEqual([
      { name: 'team', scope: 'read', sha256: SHA },
      { name: 'ops', scope: 'admin', sha256: SHA },
    ]);
  });

  interface Given extends Pick<SettingSources, 'options' | 'environment'> {
    readonly file?: string;
  }
  it.each<[string, Given, RegExp]>([
    ['an unknown key of the file', { file: 'prot: 8080' }, /"prot" in .*fungi\.yaml is no setting/],
    ['an unknown variable', { environment: { FUNGI_PROT: '1' } }, /variable FUNGI_PROT is no setting/],
    ['a word for a number', { environment: { FUNGI_PORT: 'http' } }, /FUNGI_PORT: .*expected number/],
    ['a number out of range', { options: { port: '70000' } }, /--port: .*65535/],
    ['a word for a switch', { options: { insecure: 'perhaps' } }, /--insecure: .*expected boolean/],
    ['a key without a scope', { environment: { FUNGI_API_KEYS: 'team' } }, /FUNGI_API_KEYS/],
    ['a list as a file', { file: '- 1' }, /has to hold settings/],
    ['what is no YAML', { file: 'a: [' }, /is not YAML/],
  ])('refuse %s, saying where it stands', async (_, { file, ...sources }, message) => {
    const path = file === undefined ? {} : { file: await fileOf(file) };
    await expect(readSettings({ ...sources, ...path })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message) as string,
    });
  });

  it('name a file that is not there', async () => {
    await expect(readSettings({ file: join(folder, 'none.yaml') })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('never end in anything but settings or a typed error (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...SETTING_NAMES), fc.string(), async (name, text) => {
        const settings = await readSettings({ environment: { [variableOf(name)]: text } }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
        });
        if (settings) expect(Object.keys(settings)).toEqual(SETTING_NAMES);
      }),
    );
  });

  it('know which secrets came by an option, and only those', () => {
    expect(exposedSecrets({ llmApiKey: 'canary-key', llmModel: 'm', port: '1' })).toEqual(['--llm-api-key']);
    expect(exposedSecrets({ apiKeys: `team:read:${SHA}` })).toEqual([]); // digests
  });

  it('are shown without secrets', async () => {
    const environment = { FUNGI_LLM_API_KEY: 'canary-key', FUNGI_API_KEYS: `team:read:${SHA}` };
    const shown = JSON.stringify(shownSettings(await readSettings({ environment })));
    expect(shown).toContain('"llmApiKey":"***"');
    expect(shown).not.toMatch(new RegExp(`canary|${SHA}`));
  });
});
