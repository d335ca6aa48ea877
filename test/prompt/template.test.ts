import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { PromptTemplate } from '../../src/prompt/template.js';
import { textOf } from '../support/message-text.js';

const text = (body: string, header = ''): string => `---\nmode: text\n${header}---\n${body}`;
const chat = (body: string, header = ''): string => `---\nmode: chat\n${header}---\n${body}`;
const TURNS = '## example user\n{{ example.input }}\n## example assistant\n{{ example.label }}\n';

function failure(act: () => unknown): FungiError {
  try {
    act();
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const parseFailure = (source: string): FungiError => failure(() => PromptTemplate.parse(source, 'mine.md'));

describe('parse refuses, with the line in the file', () => {
  it.each([
    ['no header', 'Hello {{ query }}', 'mine.md:1: no header'],
    ['a header without end', '---\nmode: text\nHello', 'mine.md:1: no header'],
    [
      'broken YAML',
      '---\nmode: text\nmode: chat\n---\n{{ query }}',
      'mine.md:3: the header is no YAML: Map keys must be unique',
    ],
    ['no mode', '---\ndescription: x\n---\n{{ query }}', 'header "mode"'],
    ['an unknown mode', '---\ndescription: x\nmode: poem\n---\n{{ query }}', 'mine.md:3: header "mode"'],
    ['an unknown header key', text('{{ query }}', 'ordre: nearest-last\n'), 'ordre'],
    ['an input with a standard name', text('{{ query }}', 'inputs: { labels: {} }\n'), 'inputs.labels'],
    ['an unknown variable', text('one\n{{ qeury }}'), 'mine.md:5: unknown variable "qeury"; known here: query, labels'],
    [
      'an unknown variable in a branch not taken',
      text('{{ query }}\n{% if false %}{{ foo }}{% endif %}'),
      'mine.md:5: unknown variable "foo"',
    ],
    ['an unknown variable in a filter argument', text('{{ query | append: foo }}'), 'unknown variable "foo"'],
    [
      'an unknown member of an example',
      text('{{ query }}{{ fence }}\n{% for e in examples %}{{ e.text }}{% endfor %}'),
      'mine.md:5: undefined variable: e.text',
    ],
    ['an unknown filter', text('{{ query | shout }}'), 'mine.md:4: undefined filter: shout'],
    ['an unclosed tag', text('{{ query }}\n\n{% if query %}'), 'mine.md:6: tag {% if query %} not closed'],
    ['an unclosed output', text('{{ query '), 'mine.md:4: output "{{ query'],
    ['file access', text('{{ query }}{% include "x" %}'), 'tag "include" not found'],
    ['dice', text('{{ query }}{{ labels | sample }}'), 'undefined filter: sample'],
    ['the clock', text('{{ query }}{{ "now" | date: "%Y" }}'), 'undefined filter: date'],
    [
      'a filter that evaluates its argument',
      text('{{ labels | where_exp: "l", query }}'),
      'undefined filter: where_exp',
    ],
    ['a body without the query', text('Classes: {{ labels | join }}'), 'never mentions "query"'],
    ['examples without a fence', text('{% for e in examples %}{{ e.input }}{% endfor %}{{ query }}'), 'not fenced'],
    ['fence in chat mode', chat(`${TURNS}## query\n{{ fence }}{{ query }}`), 'unknown variable "fence"'],
    [
      'all examples at once in chat mode',
      chat(`## system\n{{ examples }}\n${TURNS}## query\n{{ query }}`),
      'mine.md:5: unknown variable "examples"',
    ],
    ['an unknown section', chat(`${TURNS}## querry\n{{ query }}`), 'mine.md:8: unknown section "## querry"'],
    [
      'a repeated section',
      chat(`${TURNS}## query\n{{ query }}\n## query\n{{ query }}`),
      'mine.md:10: section "## query" occurs twice',
    ],
    ['a missing section', chat('## query\n{{ query }}'), 'section "## example user" is missing'],
    ['text outside sections', chat(`hello\n${TURNS}## query\n{{ query }}`), 'mine.md:4: text before the first section'],
    [
      'an example turn without the example',
      chat('## example user\nhi\n## example assistant\n{{ example.label }}\n## query\n{{ query }}'),
      'mine.md:5: this part never mentions "example"',
    ],
    [
      'a fault deep in a section',
      chat(`${TURNS}\n## query\n\n\nNow:\n{{ query | shout }}`),
      'mine.md:13: undefined filter',
    ],
  ])('%s', (_name, source, message) => {
    const error = parseFailure(source);
    expect(error.code).toBe('TEMPLATE_INVALID');
    expect(error.message).toContain(message);
  });

  it('counts lines after a byte order mark and Windows line ends', () => {
    expect(parseFailure('\uFEFF---\r\nmode: text\r\n---\r\n\r\n\r\n{{ nope }}').message).toContain(
      'mine.md:6: unknown',
    );
  });
});

describe('render', () => {
  const examples = ['near', 'middle', 'far'].map((input, i) => ({ id: `e${i}`, input, label: `L${i}` }));
  const values = { query: 'q', labels: ['L0', 'L1', 'L2'], examples };
  const list = (header = ''): PromptTemplate =>
    PromptTemplate.parse(
      text('{% for e in examples %}{{ e.input }}={{ e.label }} {% endfor %}{{ query }}', `fence: false\n${header}`),
      'list.md',
    );
  const contents = (template: PromptTemplate, extra = {}): string =>
    textOf(template.render({ ...values, ...extra }).messages[0]);

  it('puts the nearest example last unless told otherwise', () => {
    expect(contents(list())).toBe('far=L2 middle=L1 near=L0 q');
    expect(contents(list('order: nearest-first\n'))).toBe('near=L0 middle=L1 far=L2 q');
  });

  it('makes a conversation in chat mode, its system turn optional', () => {
    const turns = `${TURNS}## query\n{{ query }}`;
    const system = `## system\nChoose from {{ labels | join: "/" }}.\n\n### Rules\nBe brief.\n`;
    expect(PromptTemplate.parse(chat(system + turns), 'c.md').render(values).messages).toEqual([
      { role: 'system', content: 'Choose from L0/L1/L2.\n\n### Rules\nBe brief.' },
      { role: 'user', content: 'far' },
      { role: 'assistant', content: 'L2' },
      { role: 'user', content: 'middle' },
      { role: 'assistant', content: 'L1' },
      { role: 'user', content: 'near' },
      { role: 'assistant', content: 'L0' },
      { role: 'user', content: 'q' },
    ]);
    expect(PromptTemplate.parse(chat(turns), 'c.md').render({ ...values, examples: [] }).messages).toEqual([
      { role: 'user', content: 'q' },
    ]);
  });

  it('takes inputs from the caller, else from the header, else refuses', () => {
    const template = PromptTemplate.parse(
      text('{{ role }} {{ tone }}: {{ query }}', 'inputs: { role: { default: Judge }, tone: {} }\n'),
      'i.md',
    );
    expect(contents(template, { variables: { tone: 'calmly' } })).toBe('Judge calmly: q');
    expect(contents(template, { variables: { tone: 'calmly', role: 'Decide' } })).toBe('Decide calmly: q');
    const missing = failure(() => template.render(values));
    expect(missing).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('"tone"') as string });
    const unknown = failure(() => template.render({ ...values, variables: { tone: 'x', mood: 'y' } }));
    expect(unknown).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('"mood"') as string });
  });

  it('keeps at most maxExamples, the nearest', () => {
    const { used, dropped, messages } = list('maxExamples: 1\n').render(values);
    expect(messages[0]?.content).toBe('near=L0 q');
    expect(used).toEqual([examples[0]]);
    expect(dropped).toEqual([
      { example: examples[1], reason: 'max-examples' },
      { example: examples[2], reason: 'max-examples' },
    ]);
  });

  it('drops the farthest examples first when the budget is short, and says which', () => {
    const whole = list().render(values).size.characters;
    const fits = list().render({ ...values, budget: { characters: whole } });
    expect(fits.dropped).toEqual([]);
    const short = list().render({ ...values, budget: { characters: whole - 1 } });
    expect(short.used).toEqual(examples.slice(0, 2));
    expect(short.dropped).toEqual([{ example: examples[2], reason: 'budget' }]);
    expect(short.messages[0]?.content).toBe('middle=L1 near=L0 q');
    expect(short.size.characters).toBe('middle=L1 near=L0 q'.length);
  });

  it('counts tokens with the tokenizer it is given, four for a message itself', () => {
    const words = (content: string): number => content.split(' ').length;
    const { used, size } = list('budget: { tokens: 7 }\n').render({ ...values, countTokens: words });
    expect(size.tokens).toBe(7); // "middle=L1", "near=L0", "q" and 4
    expect(used).toHaveLength(2);
  });

  it('refuses a budget that not even the bare prompt meets, a list without labels and an empty query', () => {
    expect(failure(() => list().render({ ...values, budget: { tokens: 4 } }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'template list.md: instructions and query alone take 5 tokens, the budget is 4',
    });
    expect(failure(() => list().render({ ...values, labels: [] })).code).toBe('INVALID_ARGUMENT');
    expect(failure(() => list().render({ ...values, query: ' ' })).code).toBe('INVALID_TEXT');
    const lone = [{ input: 'a\uD800', label: 'L0' }];
    expect(failure(() => list().render({ ...values, examples: lone })).message).toContain('example 1');
  });
});
