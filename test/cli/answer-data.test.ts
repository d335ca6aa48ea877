/** `fungi answer --data`: a file's texts, with an endpoint that refuses, slows down or dies underway. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FungiSelector } from '../../src/selector/selector.js';
import { ScriptedLlm, type Script } from '../../src/testing/scripted-llm.js';
import { EXAMPLES, jsonl, Workspace, type Outcome } from './support.js';
import type { ChatMessage } from '../../src/prompt/message.js';
import { textOf } from '../support/message-text.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const many = Array.from({ length: 150 }, (_, i) => ({ text: `a cat ${'b '.repeat(i % 9)}${i}`, label: 'cat' }));
  await workspace.write({
    'many.jsonl': jsonl(many),
    'long.jsonl': jsonl([EXAMPLES[0]!, { text: 'a dog '.repeat(100), label: 'dog' }, EXAMPLES[1]!]),
    'tight.md': `---\nmode: text\nfence: false\nbudget: { characters: 120 }\n---\n{{ query }}\n`,
  });
  const { code } = await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL']);
  expect(code).toBe(0);
});
afterAll(() => workspace.remove());

interface Result {
  readonly total: number;
  readonly answered: number;
  readonly invalid: number;
  readonly failed: number;
  readonly failures: Record<string, number>;
  readonly truncated: number;
  readonly answers: readonly {
    readonly input: string;
    readonly kind: string;
    readonly label: string | null;
    readonly vote: string | null;
    readonly truncated: boolean;
    readonly reply?: string;
    readonly cut?: string;
    readonly error?: { readonly code: string; readonly message: string };
  }[];
}

/** Runs the command against an endpoint that plays `script`. */
async function ask(script: Script, ...argv: string[]): Promise<{ outcome: Outcome; llm: ScriptedLlm }> {
  const llm = await ScriptedLlm.start(script);
  const endpoint = ['--base-url', llm.baseUrl, '--model', 'm'];
  try {
    return { outcome: await workspace.fungi(['answer', 'pets', ...endpoint, ...argv]), llm };
  } finally {
    await llm.close();
  }
}

const lastOf = (messages: readonly ChatMessage[]): string => textOf(messages.at(-1));
const result = ({ json }: Outcome): Result => json() as Result;

describe('without --json', () => {
  it('prints a label and a text a line, and the counts on stderr', async () => {
    const { code, stdout, stderr } = await workspace.fungi(['answer', 'pets', '--data', '@test.jsonl', '-k', '1']);
    expect(code).toBe(0);
    expect(stdout).toBe(
      EXAMPLES.filter((_, i) => i % 6 < 3)
        .map(({ text, label }) => `${label}\t${text}\n`)
        .join(''),
    );
    expect(stderr).toMatch(/^by majority vote .*\nanswered +6 of 6\n(.*\n)*accuracy +100\.0 %\n$/);
  });

  it('says in place of a label what there is', async () => {
    const replies = [{ reply: 'elephant\tor\nso' }, { status: 400, message: 'content policy' }, { reply: 'dog' }];
    const { outcome } = await ask(replies, '--data', '@long.jsonl', '--concurrency', '1', '--no-cache', '-k', '1');
    const lines = outcome.stdout.split('\n');
    expect(lines[0]).toBe('\tthe cat sat\tnone of the labels: "elephant or so"');
    expect(lines[1]).toMatch(/^\ta dog a dog .*\tno reply: LLM_FAILED$/);
    expect(lines[2]).toBe('dog\ta cat');
    expect(outcome.stderr).toContain('the first failure: LLM at');
    expect(outcome.stderr).not.toContain('the same command'); // nothing is kept under --no-cache
    expect(outcome.code).toBe(6);
  });
});

it('counts the texts that the encoder could not read to the end', async () => {
  const argv = ['answer', 'pets', '--data', '@long.jsonl', '-k', '1', '--json'];
  const outcome = await workspace.fungi(argv);
  expect(result(outcome).truncated).toBe(1);
  expect(result(outcome).answers.map(({ truncated }) => truncated)).toEqual([false, true, false]);
  expect(outcome.stderr).toBe('warning: 1 of 3 texts are longer than the encoder reads: their ends were not seen\n');
});

it('says once that there were fewer examples than asked for', async () => {
  const argv = ['answer', 'pets', '--data', '@test.jsonl', '--label', 'cat', '--json'];
  const few = 'warning: 6 of 6 texts got fewer examples than the 20 asked for: there are only 6\n';
  expect((await workspace.fungi(argv)).stderr).toBe(few);
  const { outcome } = await ask(() => ({ reply: 'cat' }), ...argv.slice(2));
  expect(outcome.stderr).toBe(few);
  expect((await workspace.fungi([...argv, '-k', '6'])).stderr).toBe('');
});

it('tells progress while it encodes, by vote as well', async () => {
  let time = 0;
  const argv = ['answer', 'pets', '--data', '@many.jsonl', '-k', '1'];
  const { stderr } = await workspace.fungi(argv, { now: () => (time += 11_000) });
  expect(stderr).toMatch(/^queries: \d+\/150 rows/m);
});

describe('one text alone', () => {
  it('is counted when a content policy refuses it, though it is the first', async () => {
    const script: Script = ({ body }) =>
      lastOf(body.messages) === 'the cat sat' ? { status: 400, message: 'content policy' } : { reply: 'cat' };
    const { outcome } = await ask(script, '--data', '@test.jsonl', '--no-cache', '--json');
    expect(outcome.code).toBe(6);
    expect(result(outcome)).toMatchObject({ total: 6, answered: 5, failed: 1, failures: { LLM_FAILED: 1 } });
    expect(result(outcome).answers[0]).toMatchObject({ kind: 'failed', vote: 'cat' });
  });

  it('is counted when it does not fit the budget of the template', async () => {
    const argv = ['--data', '@long.jsonl', '--template', '@tight.md', '--no-cache', '--json'];
    const { outcome, llm } = await ask(() => ({ reply: 'cat' }), ...argv);
    expect(result(outcome)).toMatchObject({ total: 3, answered: 2, failed: 1, failures: { INVALID_ARGUMENT: 1 } });
    expect(result(outcome).answers[1]!.error!.message).toContain('the budget is 120');
    expect(llm.requests).toHaveLength(2);
  });

  it('is off the list when its reply was cut off, even at a label', async () => {
    const script: Script = [{ reply: 'cat', finishReason: 'length' }, { reply: 'cat' }, { reply: 'cat' }];
    const { outcome } = await ask(script, '--data', '@long.jsonl', '--concurrency', '1', '--no-cache', '--json');
    expect(result(outcome)).toMatchObject({ answered: 2, invalid: 1, failed: 0 });
    expect(result(outcome).answers[0]).toMatchObject({ kind: 'invalid', label: null, reply: 'cat', cut: 'length' });
  });

  it('is counted when it takes too long, though it is the first, or six in a row do', async () => {
    const script: Script = ({ body }) =>
      lastOf(body.messages) === 'a cat 0' || /a cat .* [2-7]$/.test(lastOf(body.messages))
        ? { status: 504, message: 'upstream timed out' }
        : { reply: 'cat' };
    const argv = ['--data', '@many.jsonl', '--concurrency', '1', '--attempts', '1', '--no-cache', '--json'];
    const { outcome, llm } = await ask(script, ...argv);
    expect(outcome.code).toBe(6);
    expect(llm.requests).toHaveLength(150);
    expect(result(outcome)).toMatchObject({ answered: 143, failed: 7, failures: { LLM_UNREACHABLE: 7 } });
  });
});

describe('an endpoint', () => {
  it.each([401, 403, 404])('that refuses the first request with %i ends the command', async (status) => {
    const { outcome, llm } = await ask(() => ({ status }), '--data', '@test.jsonl', '--no-cache', '--json');
    expect(outcome.code).toBe(6);
    expect(outcome.stdout).toBe('');
    expect(JSON.parse(outcome.stderr)).toMatchObject({ error: { code: 'LLM_FAILED' } });
    expect(llm.requests).toHaveLength(1);
  });

  it('that dies underway is asked no more, and what it answered is kept', async () => {
    const encode = vi.spyOn(FungiSelector.prototype, 'selectBatch');
    const many = ['--data', '@many.jsonl', '--concurrency', '1', '--attempts', '1', '--json'];
    const script: Script = (_, i) => (i < 30 ? { reply: 'cat' } : { status: 503, message: 'gone' });
    const { outcome, llm } = await ask(script, ...many);
    expect(outcome.code).toBe(6);
    expect(result(outcome)).toMatchObject({ answered: 30, failed: 120, failures: { LLM_UNREACHABLE: 120 } });
    expect(llm.requests).toHaveLength(35);
    const { answers } = result(outcome);
    expect(answers[40]!.error!.message).toMatch(/^not asked, since 5 requests in a row failed: LLM at .* 503 gone$/);
    expect(answers.every(({ vote }) => vote !== null)).toBe(true);
    // Encoded together, but for those that are ready before the endpoint is tried.
    expect(encode.mock.calls.map(([queries]) => queries.length)).toEqual([64, 86]);
    encode.mockRestore();
  });

  it.each([
    ['passes', true],
    ['stays', false],
  ])('with a storm of 429 that %s, over a batch with concurrency', async (_, passes) => {
    const seen = new Map<string, number>();
    const script: Script = ({ body }) => {
      const text = lastOf(body.messages);
      const times = (seen.get(text) ?? 0) + 1;
      seen.set(text, times);
      if (passes && times > 2) return { reply: 'cat' };
      return { status: 429, headers: { 'retry-after-ms': '1' }, message: 'slow down' };
    };
    const argv = ['--data', '@test.jsonl', '--concurrency', '4', '--attempts', '3', '--no-cache', '--json', '--quiet'];
    const { outcome, llm } = await ask(script, ...argv);
    expect(llm.requests).toHaveLength(6 * 3);
    expect(outcome.code).toBe(passes ? 0 : 6);
    expect(result(outcome)).toMatchObject(
      passes ? { answered: 6, failed: 0 } : { answered: 0, failed: 6, failures: { LLM_RATE_LIMITED: 6 } },
    );
  });
});

it('has many requests under way without a word from Node', async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error): number => warnings.push(warning);
  process.on('warning', listen);
  const argv = ['--data', '@many.jsonl', '--concurrency', '32', '--no-cache', '--json'];
  const { outcome, llm } = await ask(() => ({ reply: 'cat', delayMs: 5 }), ...argv);
  process.off('warning', listen);
  expect(llm.requests).toHaveLength(150);
  expect(outcome.code).toBe(0);
  expect(warnings).toEqual([]);
});

it('asks again only for what got no reply', async () => {
  let down = true;
  const llm = await ScriptedLlm.start((_, i) => (down && i >= 2 ? { status: 400 } : { reply: 'cat' }));
  const argv = ['answer', 'pets', '--data', '@test.jsonl', '--base-url', llm.baseUrl, '--model', 'm'];
  try {
    const first = await workspace.fungi(argv);
    expect(first.stderr).toContain('Run the same command again to ask for the missing replies; the others are kept.');
    const asked = llm.requests.length;
    down = false;
    expect((await workspace.fungi(argv)).code).toBe(0);
    expect([asked, llm.requests.length - asked]).toEqual([6, 4]);
  } finally {
    await llm.close();
  }
});

it('stops at what is wrong with every text', async () => {
  const argv = ['--data', '@test.jsonl', '--var', 'tone=dry', '--no-cache', '--json'];
  const { outcome, llm } = await ask(() => ({ reply: 'cat' }), ...argv);
  expect(outcome.code).toBe(2);
  expect(JSON.parse(outcome.stderr)).toMatchObject({ error: { code: 'INVALID_ARGUMENT', retryable: false } });
  expect(llm.requests).toHaveLength(0);
});
