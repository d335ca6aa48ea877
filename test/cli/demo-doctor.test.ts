import { appendFile, chmod, readFile, stat } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PROVIDERS } from '../../src/runtime/providers.js';
import { ScriptedLlm } from '../../src/testing/scripted-llm.js';
import { Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

const fraction = z.number().min(0).max(1);
const accuracy = z.strictObject({
  n: z.number(),
  correct: z.number(),
  accuracy: fraction,
  low: fraction,
  high: fraction,
});
const example = z.strictObject({ rank: z.number(), label: z.string(), input: z.string(), distance: z.number() });
const demoJson = z.strictObject({
  encoder: z.string(),
  by: z.enum(['llm', 'vote']),
  llm: z.string().nullable(),
  queries: z.array(
    z.strictObject({
      query: z.string(),
      truth: z.string().nullable(),
      embedding: z.array(example).length(20),
      fungi: z.array(example).length(20),
      prompt: z.array(z.strictObject({ role: z.string(), content: z.string() })).length(1),
      answer: z.looseObject({ by: z.enum(['llm', 'vote']), label: z.string().nullable(), kind: z.string() }),
    }),
  ),
  accuracy: z.strictObject({ embedding: accuracy, fungi: accuracy }),
});

describe('demo', () => {
  it('shows both rankings, the prompt and a vote, then accuracies over all test rows', async () => {
    const { code, stdout, stderr } = await workspace.fungi(['demo', '--encoder', 'MODEL']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/=== Query 1: /);
    expect(stdout).toMatch(/=== Query 2: /);
    expect(stdout).toMatch(/^ 1 .*\n[^]*^20 /m);
    expect(stdout).toContain('The query sample is:');
    expect(stdout).toContain('by majority vote of the nearest examples (no LLM');
    const rows = (await readFile('examples/demo/test.jsonl', 'utf8')).trim().split('\n').length;
    expect(stdout).toContain(`Accuracy on all ${rows} test messages`);
    expect(stdout).toContain('by vote, as `fungi eval knn --features embedding,auto` counts');
    expect(stderr).toContain('messages: fungi');
  });

  it('answers with the LLM when there is one, and takes a text of the user', async () => {
    const llm = await ScriptedLlm.start([{ reply: 'renew_loan' }]);
    try {
      const { stderr, json } = await workspace.fungi(['demo', 'may I keep it?', '--encoder', 'MODEL', '--json'], {
        env: { OPENAI_BASE_URL: llm.baseUrl, OPENAI_MODEL: 'tiny' },
      });
      const parsed = demoJson.parse(json());
      expect(stderr).toBe('');
      expect(parsed).toMatchObject({ by: 'llm', llm: 'tiny' });
      expect(parsed.queries).toHaveLength(1);
      expect(parsed.queries[0]).toMatchObject({ query: 'may I keep it?', truth: null });
      expect(parsed.queries[0]!.answer).toMatchObject({ by: 'llm', label: 'renew_loan' });
      expect(llm.requests[0]!.body.messages[0]!.content).toBe(parsed.queries[0]!.prompt[0]!.content);
    } finally {
      await llm.close();
    }
  });
});

describe('demo, when something is in its way', () => {
  const rows = (name: string): string => `examples/demo/${name}.jsonl`;

  it('counts as eval knn does', async () => {
    const demo = demoJson.parse((await workspace.fungi(['demo', '--encoder', 'MODEL', '--json'])).json());
    const argv = ['eval', 'knn', '--encoder', 'MODEL', '--train', rows('train'), '--test', rows('test')];
    const features = ['--features', 'embedding,auto'];
    const { json } = await workspace.fungi([...argv, ...features, '--throughput-texts', '0', '--json']);
    const { results } = json() as { results: { accuracy: number }[] };
    expect(results.map(({ accuracy: found }) => found)).toEqual([
      demo.accuracy.embedding.accuracy,
      demo.accuracy.fungi.accuracy,
    ]);
  });

  it('rebuilds its own index when that is damaged', async () => {
    const argv = ['demo', 'may I keep it?', '--encoder', 'MODEL', '--json'];
    await workspace.fungi(argv);
    const harmed = [
      ['embedding', 'pca.safetensors'],
      ['fungi', 'blend.safetensors'],
    ].map((parts) => workspace.path('cache', 'demo', ...parts));
    const sizes = (): Promise<number[]> => Promise.all(harmed.map(async (path) => (await stat(path)).size));
    const whole = await sizes();
    for (const path of harmed) await appendFile(path, 'x');
    const { code, json } = await workspace.fungi(argv);
    expect(code).toBe(0);
    expect(await sizes()).toEqual(whole);
    demoJson.parse(json());
  });

  it('shows all the rest, and the vote, when the LLM fails', async () => {
    const llm = await ScriptedLlm.start(() => ({ status: 401, message: 'who are you?' }));
    const argv = ['demo', '--encoder', 'MODEL', '--base-url', llm.baseUrl, '--model', 'tiny'];
    try {
      const { code, stdout, stderr } = await workspace.fungi(argv);
      expect(code).toBe(6);
      expect(stdout).toContain('The query sample is:');
      expect(stdout).toMatch(/=== Query 2: [^]*Accuracy on all/);
      expect(stdout).toMatch(/^by majority vote of .* \d+ of \d+: LLM tiny failed: LLM at .*who are you\?$/m);
      expect(stderr).toMatch(/^error \[LLM_FAILED\]: LLM at .*\nhint: Check the API key\.\n$/m);
      expect(llm.requests).toHaveLength(1);
      const outcome = await workspace.fungi([...argv, '--json']);
      expect(outcome.code).toBe(6);
      const [query] = demoJson.parse(outcome.json()).queries;
      expect(query!.answer).toMatchObject({ by: 'llm', kind: 'failed', label: null, error: { code: 'LLM_FAILED' } });
    } finally {
      await llm.close();
    }
  });

  it('calls a text of the user so', async () => {
    const { stdout } = await workspace.fungi(['demo', 'may I keep it?', '--encoder', 'MODEL']);
    expect(stdout).toContain('=== Your query: may I keep it?');
    expect(stdout).not.toContain('Query 1');
  });
});

it('providers that cannot be used are thrown, and onnxruntime prints nothing of it', async () => {
  const probe = fileURLToPath(new URL('../../src/cli/provider-probe.ts', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', probe]);
  expect(stdout.trim().split('\n')).toHaveLength(PROVIDERS.length);
  expect(stderr).not.toContain('onnxruntime');
});

describe('doctor', () => {
  it('tells what works, and hides secrets', async () => {
    const { code, stdout, json } = await workspace.fungi(['doctor', '--json'], {
      env: { HF_TOKEN: 'hf_secret', OPENAI_API_KEY: 'sk-secret', HF_ENDPOINT: 'https://me:pw-secret@mirror.test' },
    });
    const check = z.strictObject({ name: z.string(), status: z.enum(['ok', 'note', 'broken']), detail: z.string() });
    const { ok, checks } = z.strictObject({ ok: z.boolean(), checks: z.array(check) }).parse(json());
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    const status = Object.fromEntries(checks.map(({ name, status: found }) => [name, found]));
    expect(status).toMatchObject({ node: 'ok', 'provider cpu': 'ok', lancedb: 'ok', tokenizers: 'ok' });
    // coreml exists on macOS only, dml on Windows only: one of them at least cannot load here.
    expect([status['provider coreml'], status['provider dml']]).toContain('note');
    expect(stdout).not.toContain('secret');
    expect(stdout).not.toContain('onnxruntime_src'); // no places in the source of others
  });

  it.each([
    ['OPENAI_BASE_URL', 'foo', 'OPENAI_BASE_URL', /^foo: Give http\(s\):/],
    ['OPENAI_API_KEY', 'sk secret', 'OPENAI_API_KEY', /^set: Check that only the key/],
    ['HF_ENDPOINT', 'mirror.test', 'HF_ENDPOINT', /^mirror\.test: that is no/],
    [
      'FUNGI_CACHE',
      '@train.jsonl/below',
      'disk of the model cache',
      /below cannot be a folder: .*train\.jsonl is none/,
    ],
  ])('calls broken what cannot work: %s=%s', async (variable, value, name, says) => {
    const env = { [variable]: value.replace('@', `${workspace.folder}/`) };
    const { code, json } = await workspace.fungi(['doctor', '--json'], { env });
    const { ok, checks } = json() as { ok: boolean; checks: { name: string; status: string; detail: string }[] };
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    const check = checks.find((each) => each.name === name)!;
    expect(check.status).toBe('broken');
    expect(check.detail).toMatch(says);
  });

  it('asks a Python that is named by a path from here', async () => {
    await workspace.write({ 'venv/bin/python': '#!/bin/sh\necho "pip of mine: $*"\n' });
    await chmod(workspace.path('venv/bin/python'), 0o755);
    const here = process.cwd();
    process.chdir(workspace.folder);
    try {
      const { json } = await workspace.fungi(['doctor', '--json'], { env: { FUNGI_PYTHON: 'venv/bin/python' } });
      const { checks } = json() as { checks: { name: string }[] };
      expect(checks.find(({ name }) => name === 'python, pip')).toEqual({
        name: 'python, pip',
        status: 'ok',
        detail: 'pip of mine: -m pip --version',
      });
    } finally {
      process.chdir(here);
    }
  });
});
