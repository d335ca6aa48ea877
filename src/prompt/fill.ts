/** From a parsed template file to a function that fills it: one message in text mode, a conversation in chat mode. */
import type { Modality } from '../core/item.js';
import { breakControlTokens } from './control-tokens.js';
import { chooseFence } from './fence.js';
import { MediaValue } from './media-value.js';
import type { ChatMessage, MediaPart } from './message.js';
import { Snippet } from './snippet.js';
import { templateError } from './template-error.js';
import { splitSections, type InputValue, type Section, type TemplateFile } from './template-file.js';

/** A text, or an image or a sound as the message is to hold it. */
export type PromptInput = string | MediaPart;

export interface FillValues {
  readonly query: PromptInput;
  readonly labels: readonly string[];
  /** In the order in which they are to stand in the prompt. */
  readonly examples: readonly { readonly input: PromptInput; readonly label: string }[];
  readonly inputs: Readonly<Record<string, InputValue>>;
}

export type Fill = (values: FillValues) => ChatMessage[];

/** @throws {FungiError} TEMPLATE_INVALID */
export function compileFill(file: TemplateFile): Fill {
  const fill = file.header.mode === 'chat' ? compileChat(file) : compileText(file);
  return file.header.controlTokens === 'keep' ? fill : (values) => fill(withoutControlTokens(values));
}

/** As templates know it: what they write of a text is the text, of anything else a part. */
const valueOf = (input: PromptInput): string | MediaValue =>
  typeof input === 'string' ? input : new MediaValue(input);

const modalityOf = (input: PromptInput): Modality =>
  typeof input === 'string' ? 'text' : input.type === 'image_url' ? 'image' : 'audio';

const breakInput = (input: PromptInput): PromptInput => (typeof input === 'string' ? breakControlTokens(input) : input);

function withoutControlTokens({ query, labels, examples, inputs }: FillValues): FillValues {
  return {
    query: breakInput(query),
    labels: labels.map(breakControlTokens),
    examples: examples.map(({ input, label }) => ({
      input: breakInput(input),
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
  const known = ['query', 'labels', 'examples', 'fence', 'modality', ...Object.keys(header.inputs)];
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
      query,
      ...examples.flatMap(({ input, label }) => [input, label]),
      ...labels,
      ...Object.values(inputs).map(String),
    ];
    // No border can be forged by media: they are parts of their own.
    const fence = chooseFence(data.filter((value) => typeof value === 'string'));
    const values = { ...common(query, labels, inputs), examples: examples.map(exampleValue), fence };
    return [{ role: 'user', content: snippet.fillParts({ ...values, query: valueOf(query) }) }];
  };
}

function compileChat(file: TemplateFile): Fill {
  const sections = splitSections(file);
  const compile = (section: Section, ...own: string[]): Snippet =>
    Snippet.compile(section, file.name, [...own, 'labels', 'modality', ...Object.keys(file.header.inputs)]);
  const system = sections.system && compile(sections.system);
  const user = compile(sections.user, 'example');
  const assistant = compile(sections.assistant, 'example');
  const query = compile(sections.query, 'query');
  user.mustUse('example');
  assistant.mustUse('example');
  query.mustUse('query');

  return ({ query: asked, labels, examples, inputs }) => {
    const shared = common(asked, labels, inputs);
    return [
      ...(system ? [{ role: 'system' as const, content: system.fill(shared) }] : []),
      ...examples.map(exampleValue).flatMap((example): ChatMessage[] => [
        { role: 'user', content: user.fillParts({ ...shared, example }) },
        { role: 'assistant', content: assistant.fill({ ...shared, example }) },
      ]),
      { role: 'user', content: query.fillParts({ ...shared, query: valueOf(asked) }) },
    ];
  };
}

/** What every part of a template knows. */
const common = (
  query: PromptInput,
  labels: FillValues['labels'],
  inputs: FillValues['inputs'],
): Readonly<Record<string, unknown>> => ({ ...inputs, labels, modality: modalityOf(query) });

const exampleValue = ({ input, label }: FillValues['examples'][number]): object => ({ input: valueOf(input), label });
