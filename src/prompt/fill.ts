/** From a parsed template file to a function that fills it: one message in text mode, a conversation in chat mode. */
import { breakControlTokens } from './control-tokens.js';
import { chooseFence } from './fence.js';
import type { ChatMessage } from './message.js';
import { Snippet } from './snippet.js';
import { templateError } from './template-error.js';
import { splitSections, type InputValue, type Section, type TemplateFile } from './template-file.js';

export interface FillValues {
  readonly query: string;
  readonly labels: readonly string[];
  /** In the order in which they are to stand in the prompt. */
  readonly examples: readonly { readonly input: string; readonly label: string }[];
  readonly inputs: Readonly<Record<string, InputValue>>;
}

export type Fill = (values: FillValues) => ChatMessage[];

/** @throws {FungiError} TEMPLATE_INVALID */
export function compileFill(file: TemplateFile): Fill {
  const fill = file.header.mode === 'chat' ? compileChat(file) : compileText(file);
  return file.header.controlTokens === 'keep' ? fill : (values) => fill(withoutControlTokens(values));
}

function withoutControlTokens({ query, labels, examples, inputs }: FillValues): FillValues {
  return {
    query: breakControlTokens(query),
    labels: labels.map(breakControlTokens),
    examples: examples.map(({ input, label }) => ({
      input: breakControlTokens(input),
      label: breakControlTokens(label),
    })),
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [
        name,
        typeof value === 'string' ? breakControlTokens(value) : value,
      ]),
    ),
  };
}

function compileText({ name, header, body }: TemplateFile): Fill {
  const known = ['query', 'labels', 'examples', 'fence', ...Object.keys(header.inputs)];
  const snippet = Snippet.compile(body, name, known);
  snippet.mustUse('query');
  if (header.fence && snippet.uses.has('examples') && !snippet.uses.has('fence')) {
    throw templateError(
      name,
      body.line,
      'the examples are not fenced: a text could pretend to be the next example',
      'Mark where texts and labels begin with {{ fence }} (see prompts/README.md), or accept the risk with "fence: false".',
    );
  }
  return ({ query, labels, examples, inputs }) => {
    const data = [
      ...examples.flatMap(({ input, label }) => [input, label]),
      ...labels,
      ...Object.values(inputs).map(String),
    ];
    const fence = chooseFence([query, ...data]);
    return [{ role: 'user', content: snippet.fill({ ...inputs, query, labels, examples, fence }) }];
  };
}

function compileChat(file: TemplateFile): Fill {
  const sections = splitSections(file);
  const compile = (section: Section, ...own: string[]): Snippet =>
    Snippet.compile(section, file.name, [...own, 'labels', ...Object.keys(file.header.inputs)]);
  const system = sections.system && compile(sections.system);
  const user = compile(sections.user, 'example');
  const assistant = compile(sections.assistant, 'example');
  const query = compile(sections.query, 'query');
  user.mustUse('example');
  assistant.mustUse('example');
  query.mustUse('query');

  return ({ query: text, labels, examples, inputs }) => {
    const common = { ...inputs, labels };
    return [
      ...(system ? [{ role: 'system' as const, content: system.fill(common) }] : []),
      ...examples.flatMap((example): ChatMessage[] => [
        { role: 'user', content: user.fill({ ...common, example }) },
        { role: 'assistant', content: assistant.fill({ ...common, example }) },
      ]),
      { role: 'user', content: query.fill({ ...common, query: text }) },
    ];
  };
}
