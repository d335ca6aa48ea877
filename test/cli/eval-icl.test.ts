/** `fungi eval icl` from end to end, against an endpoint that answers by rule. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DryRun } from '../../src/eval/icl/dry-run.js';
import type { IclReport } from '../../src/eval/icl/icl-report.js';
import type { QueryAnswers } from '../../src/eval/icl/query-answers.js';
import type { ReportModel } from '../../src/eval/report/model.js';
import { ScriptedLlm, type RecordedRequest, type Script } from '../../src/testing/scripted-llm.js';
import { exampleLabels, majority, queryOf, textOf } from '../eval/icl/support.js';
import { guarded } from '../network/attempts.js';
import { jsonl, Workspace, type Outcome } from './support.js';

const WORDS = ['loan', 'card', 'rate', 'app'];
/** Forty texts of four labels: BM25 finds the label's word in three of four, and that of another label in the fourth. */
const POOL = Array.from({ length: 40 }, (_, i) => ({
  text: `example ${i} about my ${WORDS[i % 4]!}`,
  label: `${WORDS[i % 4]!}_help`,
}));
const QUERIES = Array.from({ length: 16 }, (_, i) => ({
  text: `query ${i} on the ${WORDS[(i + (i % 4 === 3 ? 1 : 0)) % 4]!}`,
  label: `${WORDS[i % 4]!}_help`,
}));
const labelOf = new Map(QUERIES.map(({ text, label }) => [text, label]));

let workspace: Workspace;
let llm: ScriptedLlm | undefined;
beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.write({ 'pool.jsonl': jsonl(POOL), 'queries.jsonl': jsonl(QUERIES) });
});
afterAll(() => workspace.remove());
let cache = 0;
beforeEach(() => cache++);
afterEach(() => llm?.close());

/** What most examples say; without any, the third label. */
const obey = (request: RecordedRequest): string => majority(exampleLabels(request)) ?? 'rate_help';
const USAGE = { promptTokens: 400, completionTokens: 5 };
const rule: Script = (request) => ({ reply: obey(request), usage: USAGE });

const DATA = ['eval', 'icl', '--train', '@pool.jsonl', '--test', '@queries.jsonl', '-k', '5'];
const start = async (script: Script): Promise<ScriptedLlm> => (llm = await ScriptedLlm.start(script));

async function icl(...argv: string[]): Promise<Outcome> {
  const endpoint = llm === undefined ? [] : ['--base-url', llm.baseUrl, '--model', 'stand-in'];
  return workspace.fungi([...DATA, '--selectors', 'none,bm25', ...endpoint, ...argv], { env: environment() });
}

/** A cache of its own for each test. */
const environment = (): Record<string, string> => ({ FUNGI_CACHE: workspace.path(`cache-${cache}`) });

type Found = IclReport & {
  readonly verdict: string;
  readonly stopped: { readonly message: string } | null;
  readonly fingerprint: string;
  readonly template: string;
  readonly encoder: object | null;
  readonly spec: object | null;
};
const found = ({ json }: Outcome): Found => json() as Found;

it("sends the paper's prompt (Listing 1) at temperature 0", async () => {
  await start(rule);
  const role = 'You have to annotate banking-related queries with an appropriate intent.';
  const { code } = await icl('--var', `role=${role}`, '-k', '2', '--limit-test', '1', '--selectors', 'bm25', '--json');
  expect(code).toBe(0);
  const [request] = llm!.requests;
  expect(llm!.requests).toHaveLength(1);
  expect(request!.body).toMatchObject({ model: 'stand-in', temperature: 0, max_tokens: 256 });
  expect(request!.body.messages.map((message) => message.role)).toEqual(['user']);
  const prompt = textOf(request!).replace(/\[[0-9a-f]{8} /g, '[F ');
  const [query, first, second] = [/F query\] (.*)$/, /class\] .*\n\[F text\] (.*)/, /examples:\n\[F text\] (.*)/].map((line) => line.exec(prompt)![1]!) as [string, string, string]; // prettier-ignore
  const labelFor = (text: string): string => POOL.find((row) => row.text === text)!.label;
  // But for "Heres some examples:", the fence before texts and classes, and the line breaks around them, the listing word for word.
  expect(prompt).toBe(
    [
      'You have to annotate banking-related queries with an appropriate intent.',
      'You must choose a single class in the following comma-separated list:',
      'loan_help, card_help, rate_help, app_help',
      'You must reply only with the class name, nothing more. Here are some examples:',
      `[F text] ${second}`,
      `[F class] ${labelFor(second)}`,
      `[F text] ${first}`,
      `[F class] ${labelFor(first)}`,
      `The query sample is: [F query] ${query}`,
    ].join('\n'),
  );
});

describe('figures', () => {
  it('are those that the rule implies, and a second run asks nobody', async () => {
    await start(rule);
    const first = await icl('--json', '--price-input', '0.5', '--price-output', '2');
    expect(first.code).toBe(0);
    const report = found(first);
    const right = (withExamples: boolean): number =>
      llm!.requests.filter(
        (request) =>
          exampleLabels(request).length > 0 === withExamples && obey(request) === labelOf.get(queryOf(request)),
      ).length / 16;
    expect([right(false), right(true)]).toEqual([0.25, 0.75]);
    expect(report).toMatchObject({ baseline: 'none', queries: 16, unasked: 0, requests: 32, lost: 0, stopped: null });
    expect(report.summary.map(({ accuracy, voteAccuracy }) => [accuracy, voteAccuracy])).toEqual([[0.25, null], [0.75, 0.75]]); // prettier-ignore
    expect(report.summary[1]!.gain).toMatchObject({ difference: 0.5, queries: 16 });
    const each = (400 * 0.5 + 5 * 2) / 1e6;
    expect(report.summary[1]!.costPerQuery).toBeCloseTo(each, 12);
    expect(report.usage.run.cost).toBeCloseTo(32 * each, 12);
    expect(report).toMatchObject({ encoder: null, spec: null, template: 'classify', llm: { model: 'stand-in' } });

    const second = found(await icl('--json'));
    expect(llm!.requests).toHaveLength(32);
    expect(second).toMatchObject({ requests: 0, fingerprint: report.fingerprint, usage: { all: { replies: 32 } } });
    expect(second.summary.map(({ accuracy, calls, cached }) => [accuracy, calls, cached])).toEqual([[0.25, 0, 16], [0.75, 0, 16]]); // prettier-ignore
  });

  it('come as a table with the verdict first', async () => {
    await start(rule);
    const { code, stdout } = await icl('--price-input', '1', '--price-output', '1');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Use bm25: on these 16 queries stand-in is right 50\.0 points more often with its 5 examples than without examples/,
    );
    expect(stdout).toMatch(
      /^stand-in at temperature 0, template classify: k = 5, 40 pool rows, 16 queries, 4 labels, 1 seed, gain over none, 16 of 16 queries asked$/m,
    );
    expect(stdout).toMatch(/^none +25\.0 +\S+ to \S+ +\d/m);
    expect(stdout).toMatch(/^bm25 +75\.0 +\S+ to \S+ +\+50\.0 .* 75\.0 +16 +0 +0$/m);
    expect(stdout).toMatch(/^bm25 +5\.0 +400 +5\.0 +16 +0 +\d+ +\d+ +0\.000405$/m);
    expect(stdout).toContain('this run: 32 requests, 32 replies, 12800 prompt and 160 reply tokens, cost 0.0130;');
    expect(stdout).not.toContain('~');
  });

  it('are estimated for a server that tells no usage, and say so', async () => {
    const reply = (content: string): string =>
      JSON.stringify({ choices: [{ message: { content }, finish_reason: 'stop' }] });
    await start((request) => ({ status: 200, body: reply(obey(request)) }));
    const { code, stdout } = await icl();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^bm25 +5\.0 +~\d+ +~\d+\.\d +16 /m);
    expect(stdout).toContain('(estimated for 32)');
    expect(stdout).toContain('~: estimated, since the endpoint did not tell the tokens of every reply');
  });

  it('count what is off the list and what failed apart', async () => {
    const seen = new Set<string>();
    await start((request) => {
      const [query, prompt] = [queryOf(request), textOf(request)];
      if (query.startsWith('query 1 ')) return { reply: 'I would say: loan or card' };
      if (query.startsWith('query 2 ') && exampleLabels(request).length > 0)
        return { status: 400, message: 'content policy' };
      if (query.startsWith('query 4 ') && !seen.has(prompt)) {
        seen.add(prompt);
        return { status: 500 };
      }
      return rule(request, 0);
    });
    const { code, stdout, stderr } = await icl();
    expect(code).toBe(6);
    // Of bm25's 12 right answers, query 1 is off the list, query 2 has no reply.
    expect(stdout).toMatch(/^bm25 +66\.7 .* 15 +1 +1$/m);
    expect(stdout).toContain('failed with bm25: LLM_FAILED 1');
    expect(stdout).toContain('off the list with bm25: "I would say: loan or card" 1\n');
    expect(stdout).toContain('Without a reply, and in no figure: bm25 1.');
    expect(stdout).toContain('this run: 34 requests, 31 replies');
    expect(stderr).toContain('the first failure: LLM at');
    expect(stderr).toContain('Run the same command again to ask for the missing replies');
  });

  it('of feature sets say what the features were made with', async () => {
    await start(rule);
    const argv = [
      'eval',
      'icl',
      '--train',
      '@train.jsonl',
      '--test',
      '@test.jsonl',
      '-k',
      '3',
      '--encoder',
      'MODEL',
      '--json',
      '@icl.json',
    ];
    const endpoint = ['--base-url', llm!.baseUrl, '--model', 'stand-in'];
    const { code, stdout } = await workspace.fungi([...argv, ...endpoint], { env: environment() });
    expect(code).toBe(0);
    expect(stdout).toMatch(/gain over embedding, 6 of 6 queries asked/);
    const report = JSON.parse(await readFile(workspace.path('icl.json'), 'utf8')) as Found;
    expect(report).toMatchObject({
      ...{ baseline: 'embedding', selectors: ['embedding', 'kl'], dims: 512, leaked: 6 },
      ...{ encoder: { pooling: 'mean' }, spec: { losses: [{ name: 'kl' }] } },
    });
    expect(report.summary.map(({ selector }) => selector)).toEqual(['embedding', 'kl']);
  });
});

it('writes the page of eval compare about the LLM, and the answers for programs', async () => {
  await start((request) =>
    queryOf(request).startsWith('query 1 ') ? { reply: 'a loan, or a card' } : rule(request, 0),
  );
  const argv = [
    '--selectors',
    'none,bm25,random',
    '--report',
    '@page',
    '--json',
    '@answers.json',
    '--var',
    "role=It's",
  ];
  const { code, stderr } = await icl(...argv);
  expect(code).toBe(0);
  expect(stderr).toContain(`report: ${workspace.path('page', 'report.html')}`);
  const read = (...path: string[]): Promise<string> => readFile(workspace.path(...path), 'utf8');
  const report = JSON.parse(await read('answers.json')) as Found & { readonly answers: readonly QueryAnswers[] };
  const model = JSON.parse(await read('page', 'report.json')) as ReportModel;
  expect(model).toMatchObject({ verdict: report.verdict, baseline: 'none', llm: { model: 'stand-in', queries: 16 } });
  expect(model.llm!.summary).toEqual(report.summary);
  expect(model.method.command).toMatch(
    /^fungi --indexes \S+ eval icl --train \S+pool\.jsonl .* --var 'role=It'\\''s'$/,
  );
  // The answers are all that the figures say.
  for (const [i, { accuracy, voteAccuracy, offList }] of report.summary.entries()) {
    const own = report.answers.map(({ label, answers }) => ({ ...answers[i]!, truth: label }));
    expect(own.filter(({ label, truth }) => label === truth).length / 16).toBe(accuracy);
    expect(own.filter(({ reply }) => reply === 'off-list').map(({ text }) => text)).toEqual(Array<string>(offList).fill('a loan, or a card')); // prettier-ignore
    if (i > 0) expect(own.filter(({ vote, truth }) => vote === truth).length / 16).toBe(voteAccuracy);
  }
  const [bm25] = report.answers.map(({ answers }) => answers[1]!);
  // The nearest example stands last in the prompt.
  const prompts = llm!.requests.filter((request) => queryOf(request) === 'query 0 on the loan').map(exampleLabels);
  expect(prompts).toContainEqual(bm25!.rows.map((row) => POOL[row]!.label).reverse());
  expect(await read('answers.json')).not.toContain('You must choose');
  const page = await read('page', 'report.html');
  expect(page).toContain('a loan, or a card');
  expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org|127\.0\.0\.1)/);
  expect(await read('page', 'report.md')).toContain('The most frequent replies off the list');
});

it('writes the page of a run that a cap ended, and none of a dry run', async () => {
  await start(rule);
  const dry = await icl('--dry-run', '--report', '@dry');
  expect(dry.stderr).toContain('a dry run writes no report');
  const { code, stderr } = await icl('--max-calls', '9', '--report', '@capped');
  expect(code).toBe(6);
  expect(stderr).toContain('error [BUDGET_REACHED]');
  const model = JSON.parse(await readFile(workspace.path('capped', 'report.json'), 'utf8')) as ReportModel;
  expect(model.llm).toMatchObject({ queries: 4, unasked: 12, stopped: { code: 'BUDGET_REACHED' } });
});

describe('--dry-run', () => {
  it('asks nobody, and counts the calls that are then made', async () => {
    await start(rule);
    await icl('--max-calls', '5', '--json');
    const before = llm!.requests.length;
    expect(before).toBe(5);
    const prices = ['--price-input', '1000', '--price-output', '0'];
    const outcome = await icl('--dry-run', '--json', ...prices);
    expect(llm!.requests).toHaveLength(before);
    const { dryRun } = outcome.json() as { dryRun: DryRun };
    expect(dryRun).toMatchObject({ prompts: 32, distinct: 32, kept: 5, unmade: 0 });
    expect(dryRun.cost!.estimate).toBeCloseTo(dryRun.promptTokens.estimate / 1000, 9);
    await icl('--json');
    expect(llm!.requests.length - before).toBe(dryRun.calls);
    const characters = llm!.requests
      .slice(before)
      .reduce((sum, request) => sum + Math.ceil(textOf(request).length / 4) + 4, 0);
    expect(dryRun.promptTokens).toEqual({ estimate: characters, low: Math.floor(0.75 * characters), high: Math.ceil(1.5 * characters) }); // prettier-ignore
  });

  it('tells people in words', async () => {
    await start(rule);
    const { code, stdout } = await icl('--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Dry run: nobody was asked\. stand-in at temperature 0/);
    expect(stdout).toMatch(/^calls needed +32$/m);
    expect(stdout).toMatch(/^prompt tokens +about \d+ \(\d+ to \d+\)$/m);
    expect(stdout).toMatch(/^cost +unknown: give --price-input and --price-output$/m);
    expect(llm!.requests).toEqual([]);
  });
});

it('tells how far it is, and how long it will take', async () => {
  await start(rule);
  let time = 0;
  const endpoint = ['--base-url', llm!.baseUrl, '--model', 'stand-in', '--selectors', 'bm25'];
  const { stderr } = await workspace.fungi([...DATA, ...endpoint], { env: environment(), now: () => (time += 11_000) });
  expect(stderr).toMatch(/^ask the LLM: 8\/16 requests, 0\.\d\/s, \d+ .*left$/m);
});

describe('a cap', () => {
  it('on calls ends the run with 6, whole queries and the way on', async () => {
    await start(rule);
    const { code, stdout, stderr } = await icl('--max-calls', '9', '--concurrency', '3');
    expect(code).toBe(6);
    expect(llm!.requests).toHaveLength(9);
    expect(stdout).toContain('gain over none, 4 of 16 queries asked');
    expect(stdout).toContain('12 queries were left unasked.');
    expect(stdout).toContain('stopped: the cap of 9 calls is reached');
    expect(stderr).toBe(
      'error [BUDGET_REACHED]: the cap of 9 calls is reached; the result is that of 4 of 16 queries\n' +
        'hint: Replies are kept: the same command goes on from them, with the same cap anew or with a higher one.\n',
    );
    const rest = await icl('--max-calls', '23', '--json');
    expect(rest.code).toBe(0);
    expect(found(rest)).toMatchObject({ queries: 16, unasked: 0, requests: 23 });
    expect(llm!.requests).toHaveLength(32);
  });

  it('on the cost holds, under --json too', async () => {
    await start(rule);
    const prices = ['--price-input', '1000', '--price-output', '2000'];
    // A call costs 0.41; at most 256 tokens of reply, and a token a byte of the prompt, about 1.2.
    const { code, stderr, json } = await icl(...prices, '--max-cost', '5', '--json');
    expect(code).toBe(6);
    const { usage, stopped, queries, unasked } = json() as Found;
    expect(usage.run.cost).toBeCloseTo(0.41 * llm!.requests.length, 9);
    expect(usage.run.cost).toBeLessThanOrEqual(5);
    expect(usage.run.cost).toBeGreaterThan(3);
    expect(stopped!.message).toMatch(
      /^the cap of 5 on the cost is reached: \d\.\d+ are used, and the next call may cost \d\.\d+$/,
    );
    expect(queries + unasked).toBe(16);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'BUDGET_REACHED', retryable: false } });
  });
});

describe('an endpoint of no use', () => {
  it.each([
    ['cannot be reached', { reset: 'before-answer' }, 'LLM_UNREACHABLE', 1],
    ['refuses the key', { status: 401 }, 'LLM_FAILED', 1],
    ['refuses everything', { status: 422 }, 'LLM_FAILED', 10],
  ] as const)('that %s ends the run early', async (_, step, code, calls) => {
    await start(() => step);
    const outcome = await icl('--attempts', '1', '--concurrency', '1');
    expect(outcome.code).toBe(6);
    expect(outcome.stderr).toMatch(new RegExp(`^error \\[${code}\\]: LLM at `));
    expect(outcome.stdout).toBe('');
    expect(llm!.requests).toHaveLength(calls);
  });

  it('that dies leaves what was done', async () => {
    await start((request, index) => (index >= 10 ? { reset: 'before-answer' } : rule(request, index)));
    const { code, stdout, stderr } = await icl('--attempts', '1', '--concurrency', '1');
    expect(code).toBe(6);
    expect(stdout).toContain('gain over none, 7 of 16 queries asked');
    expect(stderr).toMatch(
      /^error \[LLM_UNREACHABLE\]: not asked, since 5 requests in a row failed: .*; the result is that of 7 of 16 queries\nhint: .* Replies are kept: the same command goes on from them\.\n$/,
    );
  });
});

it.each([
  [[], /INVALID_ARGUMENT\]: there is no LLM to ask/, false],
  [['--selectors', 'none,none'], /selector "none" is given twice/, true],
  [['--selector', 'none=cat'], /a program cannot be called "none"/, true],
  [['--selectors', 'none,nearest'], /"nearest" is not a selector/, true],
  [['--baseline', 'kl'], /the baseline "kl" is not compared/, true],
  [['--price-input', '1'], /a cost needs both prices/, true],
  [['--price-input', '-1', '--price-output', '1'], /It must be a number from 0/, true],
  [['--max-cost', '1'], /a cap on the cost needs prices/, true],
  [
    ['--max-cost', '1', '--price-input', '1', '--price-output', '1', '--max-tokens', '0'],
    /needs a limit to the length of a reply/,
    true,
  ],
  [['--var', 'nothing=1'], /has no input "nothing"/, true],
  [['--template', '@absent.md'], /FILE_NOT_FOUND/, true],
])('refuses %j before anything is read', async (argv, message, reachable) => {
  llm = undefined;
  const endpoint = reachable ? ['--base-url', 'http://127.0.0.1:9/v1', '--model', 'm'] : [];
  const { code, stderr } = await icl(...endpoint, '--train', '@absent.jsonl', ...argv);
  expect(code).toBe(argv.includes('@absent.md') ? 3 : 2);
  expect(stderr).toMatch(message);
});

describe('a process', () => {
  const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const CONCURRENCY = 3;
  const slow: Script = (request) => ({ reply: obey(request), usage: USAGE, delayMs: 20 });

  interface Launched {
    readonly child: ChildProcess;
    /** Listened for from the start: it may end before anyone waits. */
    readonly ended: Promise<number | null>;
  }

  function launch(): Launched {
    const argv = DATA.map((arg) => arg.replace(/^@/, `${workspace.folder}/`));
    const endpoint = ['--base-url', llm!.baseUrl, '--model', 'stand-in', '--concurrency', String(CONCURRENCY)];
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', MAIN, ...argv, '--selectors', 'none,bm25', ...endpoint, '--json'],
      {
        env: { PATH: process.env['PATH'], ...guarded(), ...environment() },
      },
    );
    const ended = once(child, 'exit').then(([code]) => code as number | null);
    return { child, ended };
  }

  const requested = async (count: number): Promise<void> => {
    while (llm!.requests.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };

  it('that is killed again and again repeats no call but those under way', async () => {
    await start(slow);
    // At the first request, in the middle, and near the end.
    const kills = [1, 14, 27];
    for (const count of kills) {
      const { child, ended } = launch();
      await requested(count);
      child.kill('SIGKILL');
      await ended;
    }
    const { child, ended } = launch();
    const output = readAll(child.stdout!);
    expect(await ended).toBe(0);
    const asked = llm!.requests.map(textOf);
    expect(new Set(asked).size).toBe(32);
    expect(asked.length - 32).toBeLessThanOrEqual(kills.length * CONCURRENCY);
    const report = JSON.parse(await output) as Found;
    expect(report.summary.map(({ accuracy, replies }) => [accuracy, replies])).toEqual([[0.25, 16], [0.75, 16]]); // prettier-ignore
    expect(report.summary.every(({ latencyMs }) => latencyMs!.calls === 16)).toBe(true);
    expect(report.usage.all.replies).toBe(32);
    expect(report.requests).toBeLessThan(32);
  });

  it('that is interrupted says how to go on', async () => {
    await start(slow);
    const { child, ended } = launch();
    const stderr = readAll(child.stderr!);
    await requested(6);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const hint = 'The same command asks only for what got no reply, since replies are kept (but under --no-cache).';
    expect(JSON.parse(await stderr)).toMatchObject({ error: { code: 'ABORTED', hint } });
  });
});
