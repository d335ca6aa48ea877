/** Bad input: exit code, error code, and a message that names the input and the way out. */
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, run } from '../../src/cli/program.js';
import { tinyModel } from '../encoders/tiny-model.js';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.write({
    'empty.jsonl': '',
    'other-keys.jsonl': jsonl([{ question: 'a cat', intent: 'cat' }]),
    'one-label.jsonl': jsonl(EXAMPLES.slice(0, 6)),
    'blank.jsonl': jsonl([{ text: '  ', label: 'cat' }]),
    'blank-label.jsonl': jsonl([{ text: 'a cat', label: ' ' }]),
    'number.jsonl': jsonl([{ text: 7, label: 'cat' }]),
    'number-query.jsonl': jsonl([{ text: 7 }]),
    'needs-role.md': '---\nmode: text\nfence: false\ninputs: { role: {} }\n---\n{{ role }} {{ query }}\n',
    'semicolon.csv': 'text;label\na cat;cat\n',
    'semicolon-comma.csv': 'text;label\na cat, a dog;cat\n',
    'latin1.csv': Buffer.from('text,label\ncaf\xe9,cat\n', 'latin1'),
    'unknown.md': '---\nmode: text\nfence: false\n---\n{{ querry }}\n',
  });
  const model = await tinyModel();
  const weights = model['model.safetensors'] as Buffer;
  await workspace.write({ ...model, 'model.safetensors': weights.subarray(0, weights.length / 2) }, 'truncated');
  await workspace.write({ ...model, 'vocab.txt': String(model['vocab.txt']).replace('dog', 'cow') }, 'other-model');
  const { code } = await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL']);
  expect(code).toBe(0);
});
afterAll(() => workspace.remove());

const INDEX = ['index', 'new', '--encoder', 'MODEL', '--data'];
const KNN = ['eval', 'knn', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test'];

/** Command line, exit code, error code, and what message or hint say. */
const CASES: readonly (readonly [string, readonly string[], number, string, RegExp])[] = [
  ['an empty file', [...INDEX, '@empty.jsonl'], 3, 'INVALID_DATA', /empty\.jsonl: the file holds no examples/],
  [
    'missing keys',
    [...INDEX, '@other-keys.jsonl'],
    3,
    'INVALID_DATA',
    /no "text" here; the keys are "question", "intent"/,
  ],
  ['one label only', [...INDEX, '@one-label.jsonl'], 3, 'INVALID_DATA', /only the label "cat"/],
  [
    'an empty label',
    [...INDEX, '@blank-label.jsonl'],
    3,
    'INVALID_TEXT',
    /blank-label\.jsonl:1, label: the label is empty\nhint: Give a label/,
  ],
  [
    'a text that is a number',
    [...INDEX, '@number.jsonl'],
    3,
    'INVALID_TEXT',
    /number\.jsonl:1, text: expected a string, got number\nhint: Write it in quotes/,
  ],
  [
    'a query that is a number',
    ['answer', 'pets', '--data', '@number-query.jsonl'],
    3,
    'INVALID_TEXT',
    /number-query\.jsonl:1, text: expected a string, got number\nhint: Write it in quotes/,
  ],
  ['an empty text', [...INDEX, '@blank.jsonl'], 3, 'INVALID_TEXT', /blank\.jsonl:1: the text is empty/],
  ['another encoding', [...INDEX, '@latin1.csv'], 3, 'INVALID_DATA', /UTF-8/],
  [
    'a folder of other files',
    [...INDEX, '@model'],
    3,
    'INVALID_DATA',
    /model\/1_Pooling\/config\.json: neither a \.txt file nor an image or a sound/,
  ],
  [
    'a file of no kind',
    [...INDEX, '@no-ending'],
    2,
    'INVALID_ARGUMENT',
    /no-ending: a name without an ending does not say what the file is\nhint: Give a \.jsonl/,
  ],
  ['another delimiter', [...INDEX, '@semicolon.csv'], 3, 'INVALID_DATA', /hint: The delimiter looks like ";"/],
  [
    'another delimiter, and commas in a text',
    [...INDEX, '@semicolon-comma.csv'],
    3,
    'INVALID_DATA',
    /2 fields, but the header has 1\nhint: The delimiter looks like ";"/,
  ],
  ['a missing file', [...INDEX, '@absent.jsonl'], 3, 'FILE_NOT_FOUND', /absent\.jsonl/],
  ['another file type', [...INDEX, '@train.xlsx'], 2, 'INVALID_ARGUMENT', /\.jsonl, \.csv, \.tsv or \.parquet/],
  [
    'a bad index name',
    ['index', '../x', '--encoder', 'MODEL', '--data', '@train.jsonl'],
    2,
    'INVALID_ARGUMENT',
    /is not an index name/,
  ],
  [
    'an unknown loss',
    [...INDEX, '@train.jsonl', '--losses', 'kl,byol'],
    2,
    'INVALID_ARGUMENT',
    /none, or one or more of kl, simclr/,
  ],
  [
    'a truncated model',
    ['index', 'new', '--encoder', '@truncated', '--data', '@train.jsonl'],
    4,
    'MODEL_CORRUPT',
    /truncated/,
  ],
  [
    'an unknown model',
    ['index', 'new', '--encoder', '@nowhere', '--data', '@train.jsonl'],
    4,
    'MODEL_NOT_FOUND',
    /nowhere/,
  ],
  ['an unknown layer', [...INDEX, '@train.jsonl', '--target', 'layer.99'], 4, 'TARGET_NOT_FOUND', /layer\.99/],
  [
    'an unknown output',
    [...INDEX, '@train.jsonl', '--output', 'logits'],
    2,
    'INVALID_ARGUMENT',
    /"logits"[^]*last_hidden_state/,
  ],
  ['an unknown index', ['retrieve', 'birds', 'a cat'], 5, 'INDEX_NOT_FOUND', /no index "birds"[^]*There are: pets\./],
  ['k = 0', ['retrieve', 'pets', 'a cat', '-k', '0'], 2, 'INVALID_ARGUMENT', /whole number from 1 to 1000/],
  ['k not a number', ['retrieve', 'pets', 'a cat', '-k', '2.5'], 2, 'INVALID_ARGUMENT', /whole number from 1 to 1000/],
  ['an empty query', ['retrieve', 'pets', ' '], 3, 'INVALID_TEXT', /query: the text is empty/],
  ['a lone surrogate', ['retrieve', 'pets', 'cat \ud800'], 3, 'INVALID_TEXT', /lone UTF-16 surrogate/],
  [
    'an unknown label',
    ['retrieve', 'pets', 'a cat', '--label', 'bird'],
    2,
    'INVALID_ARGUMENT',
    /Its labels are cat, dog\./,
  ],
  [
    'a filter that is no JSON',
    ['retrieve', 'pets', 'a cat', '--filter', '{year'],
    2,
    'INVALID_ARGUMENT',
    /--filter is not JSON/,
  ],
  [
    'a filter of unknown members',
    ['retrieve', 'pets', 'a cat', '--filter', '{"year": 1}'],
    2,
    'INVALID_ARGUMENT',
    /filter\.year is unknown/,
  ],
  [
    "another index's model",
    ['retrieve', 'pets', 'a cat', '--encoder', '@other-model'],
    5,
    'INDEX_MISMATCH',
    /preprocessorSha256/,
  ],
  [
    'an unknown template variable',
    ['prompt', 'pets', 'a cat', '--template', '@unknown.md'],
    2,
    'TEMPLATE_INVALID',
    /querry/,
  ],
  [
    'an unknown template',
    ['prompt', 'pets', 'a cat', '--template', 'sonnet'],
    3,
    'FILE_NOT_FOUND',
    /built-in name: classify/,
  ],
  [
    'an unknown template input',
    ['prompt', 'pets', 'a cat', '--var', 'tone=dry'],
    2,
    'INVALID_ARGUMENT',
    /no input "tone"/,
  ],
  [
    'a vote without voters',
    ['answer', 'pets', 'a cat', '--filter', '{"or": []}'],
    2,
    'INVALID_ARGUMENT',
    /nobody can vote[^]*Widen the filter/,
  ],
  ['neither query nor file', ['answer', 'pets'], 2, 'INVALID_ARGUMENT', /either a query or --data/],
  [
    'both query and file',
    ['answer', 'pets', 'a cat', '--data', '@test.jsonl'],
    2,
    'INVALID_ARGUMENT',
    /either a query or --data/,
  ],
  [
    'an LLM without a model',
    ['answer', 'pets', 'a cat', '--base-url', 'http://127.0.0.1:9/v1'],
    2,
    'INVALID_ARGUMENT',
    /--model or OPENAI_MODEL/,
  ],
  [
    'a key variable that is not set',
    ['answer', 'pets', 'a cat', '--base-url', 'http://127.0.0.1:9/v1', '--model', 'm', '--api-key-env', 'NOPE'],
    2,
    'INVALID_ARGUMENT',
    /NOPE is not set/,
  ],
  [
    'an unreachable LLM',
    ['answer', 'pets', 'a cat', '--base-url', 'http://127.0.0.1:9/v1', '--model', 'm', '--attempts', '1'],
    6,
    'LLM_UNREACHABLE',
    /127\.0\.0\.1:9/,
  ],
  [
    'an unreachable LLM, a file',
    [
      'answer',
      'pets',
      '--data',
      '@test.jsonl',
      '--base-url',
      'http://127.0.0.1:9/v1',
      '--model',
      'm',
      '--attempts',
      '1',
    ],
    6,
    'LLM_UNREACHABLE',
    /127\.0\.0\.1:9/,
  ],
  [
    'an unknown feature set',
    [...KNN, '@test.jsonl', '--features', 'embedding,byol'],
    2,
    'INVALID_ARGUMENT',
    /"byol" is not a feature set/,
  ],
  [
    'a feature set given twice',
    [...KNN, '@test.jsonl', '--features', 'kl,embedding,kl'],
    2,
    'INVALID_ARGUMENT',
    /"kl" is given twice/,
  ],
  [
    'two names of one feature set',
    [...KNN, '@test.jsonl', '--features', 'kl+simclr,simclr+kl'],
    2,
    'INVALID_ARGUMENT',
    /"kl\+simclr" and "simclr\+kl" are the same set/,
  ],
  [
    'a result file that is a folder below a file',
    [...KNN, '@test.jsonl', '--json', '@train.jsonl/x.json'],
    5,
    'STORAGE_FAILED',
    /x\.json cannot be written/,
  ],
  [
    'a result file that is a folder',
    [...KNN, '@test.jsonl', '--json', '@model'],
    5,
    'STORAGE_FAILED',
    /model cannot be written: it is a folder/,
  ],
  [
    'one label in the training rows of an evaluation',
    ['eval', 'knn', '--encoder', 'MODEL', '--train', '@one-label.jsonl', '--test', '@test.jsonl'],
    3,
    'INVALID_DATA',
    /one-label\.jsonl: only the label "cat"; a classification needs at least two labels/,
  ],
  ['an unknown option', ['retrieve', 'pets', 'a cat', '--colour'], 2, 'INVALID_ARGUMENT', /unknown option '--colour'/],
  [
    'a query without quotes',
    ['retrieve', 'pets', 'a', 'cat'],
    2,
    'INVALID_ARGUMENT',
    /too many arguments[^]*hint: Put a text of several words in quotes/,
  ],
  ['an unknown command', ['retreive', 'pets'], 2, 'INVALID_ARGUMENT', /Did you mean retrieve/],
  ['a missing argument', ['retrieve', 'pets'], 2, 'INVALID_ARGUMENT', /missing required argument 'query'/],
  [
    'an unknown provider',
    ['retrieve', 'pets', 'a cat', '--provider', 'tpu'],
    2,
    'INVALID_ARGUMENT',
    /Allowed choices are cpu/,
  ],
];

describe('bad input', () => {
  it.each(CASES)('%s', async (_, argv, exit, code, says) => {
    const outcome = await workspace.fungi(argv);
    expect(outcome.stderr).toMatch(new RegExp(`^error \\[${code}\\]: `, 'm'));
    expect(outcome.stderr).toMatch(says);
    expect(outcome.code).toBe(exit);
    expect(outcome.stdout).toBe('');
  });

  it.each([
    ['in a command', ['retrieve', 'birds', 'a cat', '--json'], 5, 'INDEX_NOT_FOUND'],
    ['before there is one', ['retrieve', '--json'], 2, 'INVALID_ARGUMENT'],
    ['ahead of the command', ['--json', 'retrieve', 'pets', ' '], 3, 'INVALID_TEXT'],
    ['ahead of a command whose own may name a file', ['--json', 'eval', 'knn'], 2, 'INVALID_ARGUMENT'],
    ['without the file that it may name', ['eval', 'knn', '-k', '0', '--json'], 2, 'INVALID_ARGUMENT'],
    ['without that file, before an option', ['eval', 'knn', '--json', '-k', '0'], 2, 'INVALID_ARGUMENT'],
    ['below a group of commands', ['models', 'pull', '--json'], 2, 'INVALID_ARGUMENT'],
    ['in a group of commands', ['eval', 'nearest', '--json'], 2, 'INVALID_ARGUMENT'],
  ])('is one JSON object on stderr under --json: %s', async (_, argv, exit, code) => {
    const { code: exitCode, stdout, stderr } = await workspace.fungi(argv);
    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
    expect(error).toEqual({
      code,
      message: expect.any(String) as string,
      hint: expect.any(String) as string,
      retryable: false,
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: exit, stdout: '' });
  });

  it.each([
    [['--json', 'results.json']],
    [['--json=results.json']],
    [['--json', '']],
    [['-k', '0', '--json', 'results.json']],
  ])('is told to people where --json names a file: eval knn %j', async (argv) => {
    for (const before of [[], ['--json']]) {
      const { code, stdout, stderr } = await workspace.fungi([...before, 'eval', 'knn', ...argv]);
      expect(stderr).toMatch(/^error \[INVALID_ARGUMENT\]: .*\nhint: /);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
  });

  it.each([
    ['an empty query', ['retrieve', 'none', ''], 'INVALID_TEXT', /hint: Give a text that is more than white space/],
    ['a lone surrogate', ['answer', 'none', 'cat \ud800'], 'INVALID_TEXT', /in JavaScript: text\.toWellFormed/],
    [
      'a template input without a value',
      ['prompt', 'none', 'a cat', '--template', '@needs-role.md'],
      'INVALID_ARGUMENT',
      /"role" has no value[^]*--var role=…/,
    ],
    ['an unknown template input', ['answer', 'none', 'a cat', '--var', 'tone=dry'], 'INVALID_ARGUMENT', /"tone"/],
    [
      'a base URL that is none',
      ['answer', 'none', 'a cat', '--base-url', 'foo', '--model', 'm'],
      'INVALID_ARGUMENT',
      /on the command line in OPENAI_API_KEY/,
    ],
  ])('is told before any index or model is looked for: %s', async (_, argv, code, says) => {
    const { stderr } = await workspace.fungi(argv);
    expect(stderr).toMatch(new RegExp(`^error \\[${code}\\]: `));
    expect(stderr).toMatch(says);
  });

  it.each([
    ['on', {}, 'Fetch it once: `fungi models pull bert-base`.'],
    [
      'off',
      { FUNGI_OFFLINE: '1' },
      'Fetch it once with the network on: `fungi models pull bert-base`. New indexes and evaluations need no network with the encoder of this package: --encoder builtin.',
    ],
  ])('names the model to pull, with the network %s', async (_, env, hint) => {
    const { code, stderr } = await workspace.fungi(['models', 'path', 'bert-base'], {
      env: { HF_HUB_OFFLINE: '0', ...env },
    });
    expect(code).toBe(4);
    expect(stderr).toContain(`hint: ${hint}\n`);
    expect(stderr).not.toContain('not asked');
    const used = await workspace.fungi(['index', 'new', '--encoder', 'bert-base', '--data', '@train.jsonl']);
    expect(used.stderr).toContain(
      '(not asked: offline)\nhint: Fetch it once with the network on: `fungi models pull bert-base`.',
    );
  });

  it('leaves a good index as it was', async () => {
    const manifest = workspace.path('indexes', 'pets', 'manifest.json');
    const before = await readFile(manifest, 'utf8');
    await workspace.fungi(['index', 'pets', '--encoder', '@truncated', '--data', '@train.jsonl', '--force']);
    expect(await readFile(manifest, 'utf8')).toBe(before);
  });

  it('rebuilds a damaged index under --force only', async () => {
    await workspace.fungi(['index', 'broken', '--encoder', 'MODEL', '--data', '@train.jsonl', '--losses', 'none']);
    await writeFile(workspace.path('indexes', 'broken', 'manifest.json'), '{}');
    const build = ['index', 'broken', '--encoder', 'MODEL', '--data', '@train.jsonl', '--losses', 'none'];
    const refused = await workspace.fungi(build);
    expect(refused.stderr).toMatch(/^error \[INDEX_CORRUPT\]/);
    expect(refused.code).toBe(5);
    expect((await workspace.fungi([...build, '--force'])).code).toBe(0);
    expect((await workspace.fungi(['indexes', 'verify', 'broken'])).code).toBe(0);
  });

  it.each([
    ['blend.safetensors', 'longer', 'auto'],
    ['artefacts.safetensors', 'longer', 'auto'],
    ['blend.safetensors', 'gone', 'auto'],
    ['artefacts.safetensors', 'gone', 'auto'],
    ['pca.safetensors', 'longer', 'paper'],
    ['pca.safetensors', 'gone', 'paper'],
  ])('finds the %s %s, and rebuilds the index by %s under --force only', async (file, how, recipe) => {
    const own = recipe === 'auto' ? [] : ['--recipe', recipe];
    const build = ['index', 'harmed', '--encoder', 'MODEL', '--data', '@train.jsonl', ...own];
    expect((await workspace.fungi([...build, '--force'])).code).toBe(0);
    const path = workspace.path('indexes', 'harmed', file);
    await (how === 'gone' ? rm(path) : appendFile(path, 'x'));
    const refused = await workspace.fungi(build);
    expect(refused.stderr).toMatch(new RegExp(`^error \\[INDEX_CORRUPT\\]: .*${file} is .*\nhint: .*--force`, 'm'));
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 5, stdout: '' });
    expect((await workspace.fungi([...build, '--force'])).stdout).toContain('"harmed" replaced');
    expect((await workspace.fungi(['retrieve', 'harmed', 'a cat'])).code).toBe(0);
  });

  it('shows help, on stderr, when there is no command', async () => {
    const { code, stdout, stderr } = await workspace.fungi([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: fungi/);
  });
});

describe('errors nobody foresaw', () => {
  const broken = {
    stdout: { write: () => undefined },
    readStdin: () => Promise.reject(new TypeError('no such stream')),
    env: {},
    now: () => 0,
  };

  it('are called a bug, with a stack under --debug only', async () => {
    const lines: string[] = [];
    const stderr = { write: (text: string) => lines.push(text) };
    expect(await run(['retrieve', 'pets', '-'], { ...broken, stderr })).toBe(1);
    expect(lines.join('')).toMatch(/^error: no such stream\nhint: This is a bug in fungi-icl.*\n$/);
    await run(['retrieve', 'pets', '-', '--debug'], { ...broken, stderr });
    expect(lines.join('')).toMatch(/TypeError: no such stream\n +at /);
    await run(['retrieve', 'pets', '-', '--debug', '--json'], { ...broken, stderr });
    const { error } = JSON.parse(lines.at(-1)!) as { error: { code: null; stack: string } };
    expect(error.code).toBeNull();
    expect(error.stack).toMatch(/TypeError: no such stream\n +at /);
  });
});

describe('createProgram', () => {
  it('knows every command of the specification', () => {
    const program = createProgram({ stdout: process.stdout, stderr: process.stderr }, () => Promise.resolve());
    const names = program.commands.map((command) => command.name());
    expect(names.sort()).toEqual(
      [
        'add',
        'answer',
        'cache',
        'calibrate',
        'demo',
        'doctor',
        'eval',
        'health',
        'index',
        'indexes',
        'keys',
        'models',
        'prompt',
        'remove',
        'retrieve',
        'serve',
      ].sort(),
    );
  });
});
