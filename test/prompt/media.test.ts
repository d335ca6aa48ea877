/** Images and sounds in prompts: parts at the place of the input, within the budget, never made text of. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { loadTemplate } from '../../src/prompt/load.js';
import { bytesOf, mediaOf, type ContentPart, type MediaPart } from '../../src/prompt/message.js';
import { PromptTemplate } from '../../src/prompt/template.js';

const image = (name: string): MediaPart => ({ type: 'image_url', image_url: { url: `data:image/png;base64,${name}` } });
const sound = (data: string): MediaPart => ({ type: 'input_audio', input_audio: { data, format: 'wav' } });
const examples = ['near', 'far'].map((name) => ({ input: image(name), label: `${name} {{ query }}` }));
const labels = ['near', 'far'];

const failure = (act: () => unknown): FungiError => {
  try {
    act();
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

it('in a conversation each medium is the turn that its text would be, and its label is text', async () => {
  const { messages } = (await loadTemplate('classify-chat')).render({ query: image('q'), examples, labels });
  expect(messages.slice(1)).toEqual([
    { role: 'user', content: [image('far')] },
    { role: 'assistant', content: 'far {{ query }}' },
    { role: 'user', content: [image('near')] },
    { role: 'assistant', content: 'near {{ query }}' },
    { role: 'user', content: [image('q')] },
  ]);
});

it.each([
  ['image', image],
  ['audio', sound],
] as const)('one message has %s parts between its texts, which name the modality', async (modality, part) => {
  const shown = examples.map(({ label }, i) => ({ input: part(`x${i}`), label }));
  const { messages } = (await loadTemplate('classify')).render({ query: part('q'), examples: shown, labels });
  const content = messages[0]!.content as readonly ContentPart[];
  expect(content.map((each) => (each.type === 'text' ? 'text' : each))).toEqual([
    'text',
    part('x1'),
    'text',
    part('x0'),
    'text',
    part('q'),
  ]);
  const texts = content
    .flatMap((each) => (each.type === 'text' ? each.text : []))
    .map((text) => text.replace(/[0-9a-f]{8}/g, 'F'));
  expect(texts[0]).toMatch(new RegExp(`examples:\n\\[F ${modality}\\] $`));
  expect(texts[1]).toBe(`\n[F class] far {{ query }}\n[F ${modality}] `);
  expect(texts[2]).toBe(`\n[F class] near {{ query }}\nThe query sample is: [F query] `);
});

it.each([
  ['a filter', '{{ query | upcase }}'],
  ['JSON', '{{ query | json }}'],
  ['a capture', '{% capture x %}{{ query }}{% endcapture %}{{ x }}'],
])('%s cannot make text of a medium: the line is named', (_name, body) => {
  const template = PromptTemplate.parse(`---\nmode: text\n---\n\n${body}`, 'mine.md');
  const error = failure(() => template.render({ query: image('q'), examples: [], labels }));
  expect(error.code).toBe('TEMPLATE_INVALID');
  expect(error.message).toMatch(/^mine\.md:5: an image or a sound cannot be made text of/);
  expect(template.render({ query: 'q', examples: [], labels }).messages).toHaveLength(1);
});

it('an assistant turn shows no medium', () => {
  const source =
    '---\nmode: chat\n---\n## example user\n{{ example.label }}\n## example assistant\n{{ example.input }}\n## query\n{{ query }}';
  const template = PromptTemplate.parse(source, 'mine.md');
  expect(failure(() => template.render({ query: image('q'), examples, labels })).code).toBe('TEMPLATE_INVALID');
});

it('a template cannot reach into an input', () => {
  const source = '---\nmode: text\n---\n{{ query }}{{ query.part }}';
  expect(failure(() => PromptTemplate.parse(source, 'mine.md')).code).toBe('TEMPLATE_INVALID');
});

it('counts tokens and characters of the text alone, and bytes of the media', async () => {
  const template = PromptTemplate.parse('---\nmode: text\n---\nWhat is it? {{ query }}', 'mine.md');
  const { size } = template.render({ query: image('q'), examples: [], labels });
  expect(size).toEqual({ characters: 12, tokens: 7, media: { parts: 1, bytes: 23 } });
  expect((await loadTemplate('classify')).render({ query: 'q', examples: [], labels }).size).not.toHaveProperty(
    'media',
  );
});

it('the header states the budget, and the query is never left out', () => {
  const header = 'mode: text\nfence: false\nbudget: { mediaBytes: 60 }';
  const template = PromptTemplate.parse(
    `---\n${header}\n---\n{% for e in examples %}{{ e.input }}{% endfor %}{{ query }}`,
    'mine.md',
  );
  const { used, dropped } = template.render({ query: image('q'), examples, labels });
  expect([used, dropped]).toEqual([[examples[0]], [{ example: examples[1], reason: 'budget' }]]);
  const error = failure(() => template.render({ query: image('q'.repeat(60)), examples, labels }));
  expect(error.message).toBe('template mine.md: instructions and query alone take 82 bytes of media, the budget is 60');
  expect(error.hint).toContain('--media-bytes');
});

it('media never take more than the budget; the nearest stay, in their order', async () => {
  const templates = [await loadTemplate('classify'), await loadTemplate('classify-chat')];
  const size = fc.integer({ min: 0, max: 400 });
  fc.assert(
    fc.property(
      size,
      fc.array(size, { maxLength: 12 }),
      fc.integer({ min: 1, max: 3000 }),
      (asked, sizes, mediaBytes) => {
        const query = sound('q'.repeat(asked));
        const given = sizes.map((length, i) => ({ input: sound(`${i}`.padEnd(length, '.')), label: 'a' }));
        for (const template of templates) {
          const render = () => template.render({ query, examples: given, labels: ['a'], budget: { mediaBytes } });
          if (asked > mediaBytes) {
            expect(failure(render).code).toBe('INVALID_ARGUMENT');
            continue;
          }
          const { messages, used, dropped } = render();
          const media = messages.flatMap(mediaOf);
          const total = media.reduce((sum, part) => sum + bytesOf(part), 0);
          expect(total).toBeLessThanOrEqual(mediaBytes);
          expect(media).toEqual([...used.map(({ input }) => input).toReversed(), query]);
          expect([...used, ...dropped.map(({ example }) => example)]).toEqual(given);
          if (dropped.length > 0) expect(total + bytesOf(dropped[0]!.example.input)).toBeGreaterThan(mediaBytes);
        }
      },
    ),
    { numRuns: 200 },
  );
});
