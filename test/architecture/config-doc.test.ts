/** config/default.yaml and docs/operations.md show every setting of the server as the table has it, and every metric that is served. */
import { Registry } from 'prom-client';
import { readFileSync } from 'node:fs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../../src/core/errors.js';
import { createApp } from '../../src/server/app.js';
import { chatMetrics } from '../../src/server/chat/chat-metrics.js';
import { readSettings } from '../../src/server/configuration/read-settings.js';
import { SETTING_NAMES, SETTINGS } from '../../src/server/configuration/settings.js';
import { createLog } from '../../src/server/http/log.js';
import { createMetrics } from '../../src/server/operations/metrics.js';
import { modelMetrics } from '../../src/server/operations/model-metrics.js';
import { emptyCatalogue } from '../server/http/support.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const file = read('config/default.yaml');
const operations = read('docs/operations.md');

/** Rows of the table between `<!-- name -->` and `<!-- end of name -->`, cells trimmed. */
function tableOf(name: string): string[][] {
  const table = new RegExp(`<!-- ${name} -->\\n([^]*?)\\n<!-- end of ${name} -->`).exec(operations)?.[1] ?? '';
  const rows = table
    .trim()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return rows.slice(2);
}

const namesIn = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!);

const defaultOf = (name: (typeof SETTING_NAMES)[number]): unknown => SETTINGS[name].schema.parse(undefined);

describe('config/default.yaml', () => {
  it('has each setting in the order of the table, with its default', () => {
    const shown = Object.entries(parse(file) as Record<string, unknown>);
    expect(shown).toEqual(SETTING_NAMES.map((name) => [name, defaultOf(name)]));
  });

  it('says above each what it is', () => {
    const said = [...file.matchAll(/^# (.*)\n(\w+):/gm)].map(([, description, name]) => [name, description]);
    expect(said).toEqual(SETTING_NAMES.map((name) => [name, SETTINGS[name].description]));
  });

  it('changes nothing where it is used as it is', async () => {
    const path = new URL('../../config/default.yaml', import.meta.url).pathname;
    expect(await readSettings({ file: path })).toEqual(await readSettings({}));
  });
});

describe('docs/operations.md', () => {
  it('lists the settings with defaults and descriptions', () => {
    const shown = (value: unknown): string => {
      if (value === null || (Array.isArray(value) && value.length === 0)) return 'none';
      return `\`${[value]
        .flat()
        .map((one) => JSON.stringify(one).replaceAll('"', ''))
        .join(',')}\``;
    };
    const rows = SETTING_NAMES.map((name) => [`\`${name}\``, shown(defaultOf(name)), SETTINGS[name].description]);
    expect(tableOf('settings')).toEqual(rows);
  });

  it('lists the metrics that are served, and no others', async () => {
    const metrics = createMetrics(new Registry());
    chatMetrics(metrics.registry);
    modelMetrics(metrics.registry).watch({ pool: { waiting: { items: 0, tokens: 0 }, pids: [] }, cache: { hits: 0 } });
    const surroundings = { catalogue: emptyCatalogue(), keys: undefined, log: createLog('silent') };
    const app = createApp({ routes: [], ...surroundings, metrics });
    const { text } = await request(app).get('/metrics').expect(200);
    const served = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!);
    const listed = tableOf('metrics').flatMap(([names = '']) => namesIn(names));
    expect(new Set(listed).size).toBe(listed.length);
    const isOurs = (name: string): boolean => !/^(process|nodejs)_/.test(name);
    expect(listed.filter(isOurs).sort()).toEqual(served.filter(isOurs).sort());
    // Which of Node's there are depends on the platform: Linux has them all.
    expect(served.filter((name) => !listed.includes(name))).toEqual([]);
    if (process.platform === 'linux') expect(listed.filter((name) => !served.includes(name))).toEqual([]);
  });

  it('knows a way out of errors that there are, each once', () => {
    const codes = tableOf('troubles').flatMap(([names = '']) => namesIn(names));
    expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
    expect(new Set(codes).size).toBe(codes.length);
    // What a server may answer with 5xx, and 423: for its operator to act on.
    const theirs = Object.entries(ERRORS).filter(([, { http }]) => http >= 500 || http === 423);
    expect(theirs.map(([code]) => code).filter((code) => !codes.includes(code))).toEqual([]);
  });
});
