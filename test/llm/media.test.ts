/** Images and sounds on their way to an endpoint: sent as they are, and known by their content. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CachedClient } from '../../src/llm/cache.js';
import { OpenAiClient } from '../../src/llm/openai.js';
import type { ChatMessage } from '../../src/prompt/message.js';
import { ScriptedLlm } from '../../src/testing/scripted-llm.js';

const asked = (data: string): ChatMessage[] => [
  { role: 'system', content: 'Sort.' },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'This:' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${data}`, detail: 'low' } },
      { type: 'input_audio', input_audio: { data, format: 'wav' } },
    ],
  },
];

it('arrive at the endpoint as they were sent', async () => {
  const llm = await ScriptedLlm.start([{ reply: 'cat' }]);
  try {
    await new OpenAiClient({ baseUrl: llm.baseUrl, model: 'm' }).complete({ messages: asked('AAAA') });
    expect(llm.requests[0]!.body.messages).toEqual(asked('AAAA'));
  } finally {
    await llm.close();
  }
});

it('tell requests apart in the cache of replies', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fungi-llm-media-'));
  const llm = await ScriptedLlm.start([{ reply: 'cat' }, { reply: 'dog' }]);
  try {
    const client = new CachedClient(new OpenAiClient({ baseUrl: llm.baseUrl, model: 'm' }), { folder });
    const replies: string[] = [];
    for (const data of ['AAAA', 'AAAB', 'AAAA']) replies.push((await client.complete({ messages: asked(data) })).text);
    expect(replies).toEqual(['cat', 'dog', 'cat']);
    expect(llm.requests).toHaveLength(2);
  } finally {
    await llm.close();
    await rm(folder, { recursive: true });
  }
});
