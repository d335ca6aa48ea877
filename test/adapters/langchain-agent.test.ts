/** The middleware in real agents of `langchain`, with a model that keeps what it is asked. */
import { AIMessage, HumanMessage, type BaseMessage } from '@langchain/core/messages';
import { createAgent, FakeToolCallingModel, tool } from 'langchain';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fungiAgentMiddleware } from '../../src/adapters/langchain/agent.js';
import { messageFormat } from '../../src/adapters/langchain/message-format.js';
import type { FewShotOptions, FewShotReport } from '../../src/adapters/langchain/agent.js';
import { example, FakeSelector, LIBRARY } from './fake-selector.js';

let selector: FakeSelector;
let asked: BaseMessage[][];
beforeEach(() => {
  selector = new FakeSelector(LIBRARY());
  asked = [];
});

class Model extends FakeToolCallingModel {
  override async _generate(...args: Parameters<FakeToolCallingModel['_generate']>) {
    asked.push(args[0]);
    return super._generate(...args);
  }

  /** The original makes one of its own class. */
  override bindTools(): this {
    return this;
  }
}

const linesOf = (messages: readonly BaseMessage[]): string[] => messages.map(({ type, text }) => `${type}: ${text}`);
const LOST = ['human: my card was stolen', 'ai: lost_card'];

/** A tool that brings the index an example nearer than any. */
const learn = tool(
  () => {
    selector.examples.unshift(example('new', 'is my card here', 'found_card'));
    return 'learned';
  },
  { name: 'learn', description: 'Learns.', schema: z.object({}) },
);

const agentOf = (calls: number, options: Partial<FewShotOptions> = {}, systemPrompt?: string) => {
  const toolCalls = Array.from({ length: calls }, (_, i) => [{ name: 'learn', args: {}, id: `call-${i}` }]);
  return createAgent({
    model: new Model({ toolCalls: [...toolCalls, []] }),
    tools: [learn],
    middleware: [fungiAgentMiddleware({ selector, k: 1, ...options })],
    ...(systemPrompt !== undefined && { systemPrompt }),
  });
};

const QUERY = { messages: [new HumanMessage('is my card here')] };

const reportOf = (message: BaseMessage | undefined): FewShotReport =>
  message!.response_metadata['fungi'] as FewShotReport;

describe('fungiAgentMiddleware', () => {
  it('puts examples before the query in the request, and none into the state', async () => {
    const { messages } = await agentOf(0, {}, 'Give the label.').invoke(QUERY);
    expect(linesOf(asked[0]!)).toEqual(['system: Give the label.', ...LOST, 'human: is my card here']);
    expect(messages).toHaveLength(2);
    expect(linesOf(messages)[0]).toBe('human: is my card here');
    expect(reportOf(messages[1])).toMatchObject({
      index: 'fake',
      examples: [{ id: 'lost', label: 'lost_card', rank: 1 }],
    });
    expect(JSON.stringify(messages[1])).toContain('"id":"lost"');
  });

  it('gives all calls of a run the same examples, once', async () => {
    const agent = agentOf(2);
    const { messages } = await agent.invoke(QUERY);
    expect(asked).toHaveLength(3);
    for (const request of asked) {
      expect(linesOf(request).slice(0, 3)).toEqual([...LOST, 'human: is my card here']);
      expect(linesOf(request).filter((line) => line === LOST[0])).toHaveLength(1);
    }
    expect(selector.queries).toHaveLength(1);
    expect(
      messages.filter((message) => AIMessage.isInstance(message)).map((reply) => reportOf(reply).examples[0]!.id),
    ).toEqual(['lost', 'lost', 'lost']);
    // A further question of the same words gets what is there now.
    await agent.invoke({ messages: [...messages, new HumanMessage('is my card here')] });
    expect(selector.queries).toHaveLength(2);
    expect(linesOf(asked[3]!).slice(-3)).toEqual([
      ...['human: is my card here', 'ai: found_card', 'human: is my card here'],
    ]);
  });

  it('reads the options of a run from its context', async () => {
    await agentOf(0).invoke(QUERY, { context: { fungi: { k: 2, filter: { not: { label: 'lost_card' } } } } });
    expect(linesOf(asked[0]!).filter((line) => line.startsWith('ai:'))).toEqual(['ai: rooms', 'ai: overdue']);
    await agentOf(0).invoke(QUERY, { context: { fungi: { skip: true } } });
    expect(linesOf(asked[1]!)).toEqual(['human: is my card here']);
  });

  it('joins the instructions of a template to the system message', async () => {
    const options = { template: 'classify-chat', labels: ['lost_card', 'other'] };
    await agentOf(0, options, 'Be kind.').invoke(QUERY);
    await agentOf(0, options).invoke(QUERY);
    const [own, alone] = asked.map(([system]) => system!);
    expect(own!.type).toBe('system');
    expect(own!.text).toMatch(/^Be kind\.\n\nYou have to annotate[^]*lost_card, other/);
    expect(alone!.text).toMatch(/^You have to annotate/);
    expect(linesOf(asked[0]!).slice(1)).toEqual([...LOST, 'human: is my card here']);
  });

  it('finds the query among the parts of a message, and fills a text template into it', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
    const content = [{ type: 'text', text: 'is my card here' }, image];
    const message = new HumanMessage({ content, id: 'm1', name: 'ann' });
    await agentOf(0).invoke({ messages: [message] });
    expect(asked[0]!.slice(0, 2).map(({ content }) => content)).toEqual(['my card was stolen', 'lost_card']);
    expect(asked[0]![2]!.content).toEqual(content);
    const filled = messageFormat.withText(message, 'filled');
    expect(filled).toMatchObject({ content: [{ type: 'text', text: 'filled' }, image], id: 'm1', name: 'ann' });
    expect(message.content).toEqual(content);
  });

  it('reports beside a structured response', async () => {
    const agent = createAgent({
      model: new Model({ toolCalls: [[{ name: 'extract-1', args: { label: 'lost_card' }, id: 's1' }], []] }),
      tools: [],
      middleware: [fungiAgentMiddleware({ selector, k: 1 })],
      responseFormat: z.object({ label: z.string() }),
    });
    const { messages, structuredResponse } = await agent.invoke(QUERY);
    expect(structuredResponse).toEqual({ label: 'lost_card' });
    expect(linesOf(asked[0]!).slice(0, 2)).toEqual(LOST);
    const reply = messages.find((message) => AIMessage.isInstance(message));
    expect(reportOf(reply).examples[0]!.id).toBe('lost');
  });

  it('gives typed errors as the cause of the one that langchain throws, and asks no model', async () => {
    const context = { fungi: { k: 0 } };
    const failed = await agentOf(0)
      .invoke(QUERY, { context })
      .catch((error: unknown) => error as Error);
    expect((failed as Error).cause).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('context.fungi') as string,
    });
    expect(asked).toEqual([]);
    const image = Object.assign(new FakeSelector([]), { modality: 'image' as const });
    expect(() => fungiAgentMiddleware({ selector: image })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });
});
