import { z } from 'zod';
import type { Route } from '../../route.js';
import { assertClientItems, queryAt } from '../client-items.js';
import { codes, ENCODING, OPENING } from '../failures.js';
import { indexPath, noQuery, type IndexPath } from '../fields.js';
import { explainedOf, explainedShape } from './explained.js';
import { contentsOf, contentsShape, promptOptions, promptShape, withoutPaths } from './prompt-body.js';
import { generationOf, generationShape, truncated } from './selected.js';

const bodySchema = z
  .strictObject(promptShape)
  .meta({ examples: [{ query: 'my library card was stolen, can I still borrow?', k: 8, template: 'classify' }] });

const part = z.union([
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({
    type: z.literal('image_url'),
    image_url: z.strictObject({ url: z.string(), detail: z.enum(['auto', 'low', 'high']).optional() }),
  }),
  z.strictObject({
    type: z.literal('input_audio'),
    input_audio: z.strictObject({ data: z.string(), format: z.enum(['wav', 'mp3']) }),
  }),
]);

const replySchema = z.strictObject({
  ...generationShape,
  messages: z
    .array(
      z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.union([z.string(), z.array(part)]) }),
    )
    .meta({ description: 'As chat completions take them.' }),
  ...contentsShape,
  truncated,
  ...explainedShape,
});

export const prompt: Route<IndexPath, unknown, z.output<typeof bodySchema>> = {
  method: 'post',
  path: '/v1/indexes/{name}/prompt',
  operationId: 'prompt',
  tag: 'selection',
  summary: 'Fills a built-in template with a query and the examples nearest to it.',
  scope: 'read',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  body: { size: 'media', schema: bodySchema },
  replies: { 200: { description: 'The messages for an LLM.', schema: replySchema } },
  failures: codes(OPENING, ENCODING),

  async handle({ path: { name }, body: { query, ...rest }, context }) {
    return context.catalogue.use(name, async (selector) => {
      const options = promptOptions(rest, selector, context);
      assertClientItems([query], selector.modality, queryAt(1));
      const selection = await withoutPaths(name, selector.select(query, options));
      const filled = await withoutPaths(name, selector.promptFrom(selection, options));
      const { messages, truncated } = filled;
      const body = { ...generationOf(selector), messages, ...contentsOf(filled), truncated, ...explainedOf(selection) };
      return { kind: 'json', status: 200, body };
    });
  },
};
