import { chmod, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
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
